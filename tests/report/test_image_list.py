"""The list of all images: as people read it."""

import io

import pyarrow as pa

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
