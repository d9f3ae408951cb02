"""Tables of Open Images: found by name, labels and their contradictions, class names, the hierarchy, rotations."""

from pathlib import Path

import numpy as np
import pytest

from kindred.data import (
    images,
    open_images_classes,
    open_images_files,
    open_images_labels,
    open_images_rotations,
)
from kindred.data.open_images_classes import Hierarchy
from kindred.data.open_images_files import LabelFile, Rotations
from kindred.data.open_images_labels import Known, LabelRow
from kindred.data.sources import Source
from kindred.runtime.errors import InputError
from pictures import encoded, smooth

NAMES = {"/m/root": "Entity", "/m/fruit": "Fruit", "/m/apple": "Apple", "/m/stem": "Stem"}


def table_of(text: str, path: Path) -> LabelFile:
    path.write_text(text)
    return LabelFile(Source(f"file://{path}", len(text), ""), "train", "human", 2)


@pytest.mark.parametrize(
    ("name", "split", "kind", "release"),
    [
        ("oidv7-val-annotations-human-imagelabels.csv", "validation", "human", 2),
        ("oidv7-train-annotations-machine-imagelabels.csv", "train", "machine", 2),
        ("test-annotations-machine-imagelabels.csv", "test", "machine", 1),
        ("validation-annotations-human-imagelabels-boxable.csv", "validation", "human", 0),
    ],
)
def test_label_tables_are_found_below_a_folder_by_their_names(
    tmp_path: Path, name: str, split: str, kind: str, release: int
) -> None:
    (tmp_path / "2018_04" / "x").mkdir(parents=True)
    (tmp_path / "2018_04" / "x" / name).touch()
    (tmp_path / "train-annotations-bbox.csv").touch()

    (table,) = open_images_files.find(str(tmp_path)).labels

    assert (table.split, table.kind, table.release) == (split, kind, release)


def test_names_and_hierarchy_and_rotations_are_found_too(tmp_path: Path) -> None:
    names = [
        "oidv7-test-annotations-human-imagelabels.csv",
        "class-descriptions-boxable.csv",
        "oidv7-class-descriptions.csv",
        "train-images-boxable-with-rotation.csv",
        "bbox_labels_600_hierarchy.json",
    ]
    for name in names:
        (tmp_path / name).touch()

    files = open_images_files.find(str(tmp_path))

    assert [table.release for table in files.descriptions] == [0, 2]
    assert [table.split for table in files.rotations] == ["train"]
    assert len(files.sources()) == 5


def test_rows_of_the_wanted_classes_are_read_and_others_are_not_looked_at(tmp_path: Path) -> None:
    text = "ImageID,Source,LabelName,Confidence\na,verification,/m/1,1\na,machine,/m/1,0.7\nb,verification,/m/2,9\n"

    rows = list(open_images_labels.read(table_of(text, tmp_path / "labels.csv"), {"/m/1"}))

    assert rows == [LabelRow("a", "/m/1", "human", 1.0), LabelRow("a", "/m/1", "machine", 0.7)]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a,verification,/m/1,0.5", r"Confidence of /m/1 in a must be 0 \(absent\) or 1 \(present\)"),
        ("a,machine,/m/1,1.5", "must be from 0 to 1 for 'machine', not '1.5'"),
        ("a,machine,/m/1,", "not ''"),
        ("a,machine,/m/1", "is no CSV file with 4 columns"),
    ],
)
def test_a_row_that_is_none_is_refused_with_its_table(tmp_path: Path, line: str, message: str) -> None:
    table = table_of(f"ImageID,Source,LabelName,Confidence\n{line}\n", tmp_path / "labels.csv")

    with pytest.raises(InputError, match=message):
        list(open_images_labels.read(table, {"/m/1"}))


def test_a_table_without_rows_has_none(tmp_path: Path) -> None:
    table = table_of("ImageID,Source,LabelName,Confidence\n", tmp_path / "labels.csv")

    assert list(open_images_labels.read(table, {"/m/1"})) == []


def test_people_overrule_a_machine_whichever_comes_first() -> None:
    rows = [
        LabelRow("a", "/m/1", "human", 0),
        LabelRow("a", "/m/1", "machine", 0.9),
        LabelRow("b", "/m/1", "machine", 0.9),
        LabelRow("b", "/m/1", "human", 0),
        LabelRow("c", "/m/1", "machine", 0.4),
    ]

    known, contradictions = open_images_labels.resolve(rows, "both", 0.5)

    assert [what.present for what in known.values()] == [False, False, None]
    assert contradictions == 0


def test_a_pair_that_changes_twice_is_one_contradiction() -> None:
    rows = [LabelRow("a", "/m/1", "human", value) for value in (1, 0, 1)]

    known, contradictions = open_images_labels.resolve(rows, "human", 0.5)

    assert (known, contradictions) == ({("a", "/m/1"): Known(True, "human")}, 1)


def test_a_part_is_no_kind_and_an_id_without_a_name_is_counted() -> None:
    tree = {
        "LabelName": "/m/root",
        "Subcategory": [
            {
                "LabelName": "/m/fruit",
                "Subcategory": [{"LabelName": "/m/apple"}, {"LabelName": "/m/nameless"}],
                "Part": [{"LabelName": "/m/stem"}],
            }
        ],
    }

    hierarchy = open_images_classes.hierarchy_of(tree, NAMES, "hierarchy.json")

    assert hierarchy.ancestors("/m/apple") == {"/m/fruit", "/m/root"}
    assert hierarchy.ancestors("/m/stem") == set()
    assert hierarchy.descendants(["/m/fruit"]) == {"/m/fruit": {"/m/apple", "/m/nameless"}}
    assert hierarchy.unknown == ["/m/nameless"]


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ([], "is no hierarchy of Open Images"),
        ({"LabelName": "/m/root", "Subcategory": {"LabelName": "/m/apple"}}, "is no hierarchy of Open Images"),
        ({"LabelName": "/m/root", "Subcategory": [{"LabelName": "/x"}]}, "names only ids that class-descriptions"),
        (
            {
                "LabelName": "/m/root",
                "Subcategory": [{"LabelName": "/m/apple", "Subcategory": [{"LabelName": "/m/root"}]}],
            },
            "is a kind of itself",
        ),
    ],
)
def test_another_hierarchy_is_refused(tree: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        open_images_classes.hierarchy_of(tree, NAMES, "hierarchy.json")


def test_two_classes_of_one_name_have_their_ids_in_their_labels() -> None:
    names = {"/m/1": "Orange", "/m/2": "Orange"}

    assert open_images_classes.find(["/m/1", "/m/2"], names) == {"/m/1": "Orange (/m/1)", "/m/2": "Orange (/m/2)"}


def test_no_hierarchy_knows_no_kinds() -> None:
    assert Hierarchy({}, []).descendants(["/m/1"]) == {"/m/1": set()}


@pytest.mark.parametrize("degrees", [90, 180, 270])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_file_is_turned_counterclockwise_whatever_its_exif_says(degrees: int, kind: str) -> None:
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 3
    content = encoded(smooth(16, 24, 3), kind, **({"exif": exif} if kind == "JPEG" else {}))

    changed, shape = open_images_rotations.turned(content, degrees)

    pixels = images.decode(changed) if shape is None else np.frombuffer(changed, np.uint8).reshape(shape)
    upright = images.decode(encoded(smooth(16, 24, 3), kind))
    assert np.array_equal(pixels, np.rot90(upright, degrees // 90))


def test_rotations_of_the_wanted_images_are_read_where_they_are_known(tmp_path: Path) -> None:
    path = tmp_path / "train-images-with-rotation.csv"
    path.write_text('ImageID,Title,Rotation\na,"x,\ny",90.0\nb,,0\nc,,\nd,,180\n')
    table = Rotations(Source(f"file://{path}", 1, ""), "train")

    assert open_images_rotations.read(table, {"a", "b", "c"}) == {"a": 90}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ImageID,Rotation\na,45\n", "Rotation of a must be 0, 90, 180, 270 or empty, not '45'"),
        ("ImageID,Angle\na,90\n", "must be a CSV file with the columns ImageID and Rotation"),
    ],
)
def test_another_table_of_rotations_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "train-images-with-rotation.csv"
    path.write_text(text)

    with pytest.raises(InputError, match=message):
        open_images_rotations.read(Rotations(Source(f"file://{path}", 1, ""), "train"), {"a"})
