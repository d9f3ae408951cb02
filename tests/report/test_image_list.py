"""The list of all images: as people read it."""

import io

import pyarrow as pa
import pytest

from kindred.report import image_list

ROW = {
    **{"origin": "file:///photos/a,b.jpg", "split": "unlabeled", "given_label": None, "truth": None},
    **{"prediction": "cat", "confidence": 0.5, "pseudo_label": None, "pseudo_confidence": None},
    **{"refused": "of no known class", "image_id": "a" * 32},
}


def test_a_row_has_the_path_of_its_file_and_nothing_where_nothing_is_known() -> None:
    file = io.BytesIO()

    image_list.write([ROW], file)

    assert file.getvalue().decode().splitlines() == [
        "origin,split,given_label,truth,prediction,confidence,pseudo_label,pseudo_confidence,refused,image_id",
        f'"/photos/a,b.jpg",unlabeled,,,cat,0.5000000,,,out of distribution,{"a" * 32}',
    ]


def test_an_image_has_what_the_tables_say_of_it_and_a_test_image_no_label_that_was_learned_from() -> None:
    both = {"image_id": ["a", "a"], "split": ["test", "train"]}  # a leak that was kept
    named = {"image_id": ["a"], "label": ["cat"]}
    tables = {
        "images": pa.table({**both, "origin": ["z", "y"]}),
        "predictions_final": pa.table({**both, "prediction": ["dog", "cat"], "confidence": [0.5, 0.75]}),
        "truth": pa.table(named),
        "labels": pa.table(named),
        "pseudo_labels": pa.table({**named, "confidence": [0.9]}).slice(0, 0),
        "refused": pa.table({"image_id": ["a"], "reason": ["novel"]}),
    }

    train, test = image_list.rows(*(tables[name] for name in image_list.TABLES)).to_pylist()

    shared = {"truth": "cat", "pseudo_label": None, "pseudo_confidence": None, "image_id": "a"}
    own = {"origin": "y", "split": "train", "given_label": "cat", "prediction": "cat", "confidence": 0.75}
    assert train == {**shared, **own, "refused": "novel"}
    own = {"origin": "z", "split": "test", "given_label": None, "prediction": "dog", "confidence": 0.5}
    assert test == {**shared, **own, "refused": None}


SETS = ["sea", "sunset", "trees"]


def set_tables() -> dict[str, pa.Table]:
    """Of images a (given), b (one class accepted, one refused), c (all refused), t (test); a glacier is no class."""
    names, kinds = ["a", "b", "c", "t"], ["train", "unlabeled", "unlabeled", "test"]
    known = {"image_id": ["a", "a", "a", "t", "t"], "label": ["trees", "sea", "glacier", "sea", "trees"]}
    present = [True, True, True, False, False]
    given = pa.table({name: values[:3] for name, values in {**known, "present": present}.items()})
    pseudo = {"image_id": ["b", "b"], "label": ["sea", "trees"], "present": [True, False], "confidence": [0.75, 0.5]}
    refused = {"image_id": ["b", "c", "c"], "label": ["sunset", "sea", "sunset"], "present": [True, True, False]}
    predictions = {"prediction": ["sea|trees"] * 4, "confidence": [0.5] * 4}
    return {
        "images": pa.table({"image_id": names, "split": kinds, "origin": names}),
        "predictions_final": pa.table({"image_id": names, "split": kinds, **predictions}),
        "truth": pa.table({**known, "present": present}),
        "labels": given,
        "pseudo_labels": pa.table(pseudo),
        "refused": pa.table({**refused, "reason": ["beyond"] * 3}),
    }


def check_sets(rows: list[dict]) -> None:
    added = ("given_label", "truth", "pseudo_label", "pseudo_confidence", "refused")
    assert [[row[name] for name in ("image_id", *added)] for row in rows] == [
        ["a", "sea|trees", "sea|trees", None, None, None],
        ["b", None, None, "sea", 0.5, None],
        ["c", None, None, None, None, "beyond"],
        ["t", None, "(none)", None, None, None],
    ]


def test_with_several_labels_each_image_stands_there_once_with_joined_sets() -> None:
    tables = set_tables()

    check_sets(image_list.rows(*(tables[name] for name in image_list.TABLES), classes=SETS).to_pylist())


@pytest.mark.spark
def test_in_spark_it_is_the_same(spark) -> None:
    tables = {name: spark.createDataFrame(table.to_pandas()) for name, table in set_tables().items()}

    frame = image_list.rows_in_spark(*(tables[name] for name in image_list.TABLES), classes=SETS)

    check_sets([row.asDict() for row in frame.toLocalIterator()])
