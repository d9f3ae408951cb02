"""Folders of images: by split, by class, by a table."""

from pathlib import Path

import pytest

from dataset_samples import counts, image_folder, input_error, read
from dataset_samples.image_folder import put_images
from kindred.runtime.errors import InputError


@pytest.mark.spark
def test_an_image_folder_with_splits(spark, tmp_path: Path) -> None:
    rows = read(spark, "image_folder", image_folder.make(tmp_path / "images"))

    assert counts(rows) == {("train", "cat"): 2, ("train", "dog"): 1, ("test", "cat"): 1, ("unlabeled", None): 2}


@pytest.mark.spark
def test_an_image_folder_of_classes(spark, tmp_path: Path) -> None:
    names = ["cat/1.png", "cat/deep/2.png", "a dog/3.png", "unlabeled/4.png", "5.png", ".hidden/6.png", "cat/.7.png"]

    rows = read(spark, "image_folder", put_images(tmp_path / "a b", *names))

    assert counts(rows) == {("train", "cat"): 2, ("train", "a dog"): 1, ("unlabeled", None): 2}


@pytest.mark.spark
def test_an_image_folder_with_a_table(spark, tmp_path: Path) -> None:
    path = put_images(tmp_path / "images", "a.png", "deep/b.png", "c.png", "d.png", "e.png")
    lines = ["\ufefffile,label,split", "a.png,cat,", "deep/b.png,dog,train", "c.png,cat,test", "d.png,,"]
    (path / "labels.csv").write_text("\n".join(lines), encoding="utf-8")

    rows = read(spark, "image_folder", path)

    assert counts(rows) == {("train", "cat"): 1, ("train", "dog"): 1, ("test", "cat"): 1, ("unlabeled", None): 2}


@pytest.mark.spark
def test_a_file_in_a_folder_that_is_no_image_is_rejected_and_the_others_are_read(spark, tmp_path: Path) -> None:
    path = image_folder.make(tmp_path / "images")
    (path / "train/cat/notes.txt").write_text("hello")

    rows = read(spark, "image_folder", path)

    assert [(Path(row.origin).name, row.label) for row in rows if row.reason] == [("notes.txt", "cat")]


@pytest.mark.spark
@pytest.mark.parametrize(
    ("table", "line"),
    [
        (b"file,label\nb.png,cat", r"labels.csv line 2 names a file that does not exist: 'b.png'"),
        (b"file,label\na.png,cat\na.png,dog", r"labels.csv line 3 names 'a.png' again"),
        (b"file,label,split\na.png,cat,dev", r"labels.csv line 2: unknown split 'dev'; known: train, unlabeled, test"),
        (b"name,label\na.png,cat", r"labels.csv must have the columns file and label, not name, label"),
        (b"", r"labels.csv must have the columns file and label, not none"),
        (b"file,label\na.png,", r"labels.csv labels no file"),
        (b"file,label\na.png,\xff\xfe", r"labels.csv is not a CSV file in UTF-8"),
    ],
    ids=["no file", "twice", "unknown split", "other columns", "empty", "no label", "not UTF-8"],
)
def test_a_table_that_does_not_fit_is_refused_with_its_line(spark, table: bytes, line: str, tmp_path: Path) -> None:
    path = put_images(tmp_path / "images", "a.png")
    (path / "labels.csv").write_bytes(table)

    with pytest.raises(InputError, match=line):
        read(spark, "image_folder", path)


@pytest.mark.spark
def test_an_image_folder_without_labels_is_refused(spark, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no labelled image: none of train/<class>"):
        read(spark, "image_folder", put_images(tmp_path / "images", "a.png", "unlabeled/b.png"))


def test_a_folder_without_images_or_a_file_is_no_image_folder(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("file,label\n")

    assert input_error("image_folder", tmp_path) == f"no image in {tmp_path}"
    assert input_error("image_folder", tmp_path / "labels.csv") == f"not a folder: {tmp_path}/labels.csv"
    assert input_error("image_folder", "").startswith("dataset image_folder needs a path")
