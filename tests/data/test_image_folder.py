"""Folders of images: by split, by class, by a table."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dataset_samples import counts, image_folder, input_error, read
from dataset_samples.image_folder import put_images
from kindred.data.datasets import image_folder as module
from kindred.runtime.label_sets import MULTI_LABEL
from pictures import encoded, noise


@pytest.mark.spark
def test_an_image_folder_with_splits(spark, tmp_path: Path) -> None:
    rows = read(spark, "image_folder", image_folder.make(tmp_path / "images"))

    assert counts(rows) == {("train", "cat"): 2, ("train", "dog"): 2, ("test", "cat"): 1, ("unlabeled", None): 2}


@pytest.mark.spark
def test_an_image_folder_of_classes(spark, tmp_path: Path) -> None:
    names = ["cat/1.png", "cat/deep/2.png", "a dog/3.png", "unlabeled/4.png", "5.png", ".hidden/6.png", "cat/.7.png"]
    names += ["a dog/8.png"]

    rows = read(spark, "image_folder", put_images(tmp_path / "a b", *names))

    assert counts(rows) == {("train", "cat"): 2, ("train", "a dog"): 2, ("unlabeled", None): 2}


@pytest.mark.spark
def test_an_image_folder_with_a_table(spark, tmp_path: Path) -> None:
    path = put_images(tmp_path / "images", "a.png", "deep/b.png", "c.png", "d.png", "e.png", "f.png", "g.png")
    lines = ["\ufefffile;label;split", "a.png;cat;", "deep/b.png;dog;train", "c.png; cat ;test", "d.png;;"]
    lines += [r"./f.png;cat;", f"{path}/g.png;dog;val"]
    (path / "labels.csv").write_text("\n".join(lines), encoding="utf-8")

    rows = read(spark, "image_folder", path)

    assert counts(rows) == {("train", "cat"): 2, ("train", "dog"): 2, ("test", "cat"): 1, ("unlabeled", None): 2}


@pytest.mark.spark
def test_a_file_in_a_folder_that_is_no_image_is_rejected_and_the_others_are_read(spark, tmp_path: Path) -> None:
    path = image_folder.make(tmp_path / "images")
    (path / "train/cat/notes.txt").write_text("hello")

    rows = read(spark, "image_folder", path)

    assert [(Path(row.origin).name, row.label) for row in rows if row.reason] == [("notes.txt", "cat")]


def test_an_image_folder_without_labels_is_refused(tmp_path: Path) -> None:
    assert input_error("image_folder", put_images(tmp_path / "images", "a.png", "unlabeled/b.png")).startswith(
        "no labelled image in"
    )


def test_a_folder_without_images_or_a_file_is_no_image_folder(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("file,label\n")

    assert input_error("image_folder", tmp_path) == f"no image in {tmp_path}"
    assert input_error("image_folder", tmp_path / "labels.csv") == f"not a folder: {tmp_path}/labels.csv"
    assert input_error("image_folder", "").startswith("dataset image_folder needs a path")


def test_a_folder_of_hidden_files_alone_says_so(tmp_path: Path) -> None:
    put_images(tmp_path / "images", ".hidden/1.png", "cat/Thumbs.db")

    assert input_error("image_folder", tmp_path / "images").startswith(f"no image in {tmp_path}/images (left out: 2 ")


def test_what_was_decided_is_said(tmp_path: Path, messages: list[str]) -> None:
    names = [
        "Train/cat/1.png",
        "Train/cat/2.png",
        "Train/Cat/3.png",
        "Train/Cat/4.png",
        "val/cat/5.png",
        "@eaDir/6.png",
    ]
    folder = put_images(tmp_path / "images", *names)
    (folder / "Train/cat/gone.png").symlink_to("nowhere")

    module.sources(str(folder), messages.append)

    assert messages == [
        f"listing {folder}",
        "left out: 1 hidden files and folders, or a system's: @eaDir",
        "cannot be read, and rejected: 1: Train/cat/gone.png (a link to nowhere, which cannot be followed: "
        "No such file or directory)",
        "Train/ is read as train/",
        "validation images are joined to the training images: models are chosen by cross-validation: 1 in val/",
        "classes that differ only in upper and lower case: 'Cat', 'cat'",
    ]


@pytest.mark.spark
def test_what_cannot_be_read_is_rejected_with_its_name_and_the_rest_is_read(spark, tmp_path: Path) -> None:
    names = ["cat/a::b.png", "cat/line\nbreak.png", "dog/#1?.png", "dog/ a%20b [1].png", "dog/-x.png", "dog/\u65e5.png"]
    path = put_images(tmp_path / "images ::", *names)
    (path / "cat/linked.png").symlink_to(tmp_path / "linked.png")
    (tmp_path / "linked.png").write_bytes(encoded(noise(seed=99)))
    (path / "cat/loop").symlink_to("..")
    os.mkfifo(path / "dog/pipe.png")
    with open(bytes(path) + b"/dog/\xff.png", "wb") as file:
        file.write(encoded(noise(seed=98)))

    rows = read(spark, "image_folder", path)

    below = {row.origin.removeprefix(f"file://{path}/"): row.reason for row in rows}
    assert {name for name, reason in below.items() if not reason} == {*names, "cat/linked.png"}
    assert {name: reason for name, reason in below.items() if reason} == {
        "cat/loop": "a link to a folder above it",
        "dog/pipe.png": "a named pipe, not a file",
        r"dog/\xff.png": "its name is not UTF-8; rename it",
    }


@pytest.mark.spark
def test_a_limit_takes_some_of_every_class_and_names_what_cannot_be_read(spark, tmp_path: Path) -> None:
    path = put_images(tmp_path / "images", *(f"{label}/{i}.png" for label in ("ant", "bee", "cat") for i in range(5)))
    (path / "ant/0.jpg").symlink_to("gone")

    rows, again = (read(spark, "image_folder", path, limit=6) for _ in range(2))

    assert counts([row for row in rows if not row.reason]) == {("train", label): 2 for label in ("ant", "bee", "cat")}
    assert len(rows) == 7
    assert rows == again


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("file,label\nb.png,cat", "{}/labels.csv names 1 file that does not exist (or is hidden): 'b.png' (line 2)"),
        ("file,label\na.png,cat", "all labels in {} are of one class, 'cat', 1 images; a classifier needs two or more"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(content: str, line: str, tmp_path: Path) -> None:
    path = put_images(tmp_path / "images", "a.png")
    (path / "LABELS.csv").write_text(content)

    assert input_error("image_folder", path) == line.format(path).replace("labels.csv", "LABELS.csv")


def test_a_table_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    path = put_images(tmp_path / "images", "a.png")
    (path / "labels.csv").symlink_to("gone.csv")

    assert input_error("image_folder", path).startswith(f"cannot read {path}/labels.csv: a link to gone.csv, which")


def test_a_listing_loads_nothing_heavy() -> None:
    program = "import sys; from kindred.data.datasets import image_folder; print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)

    assert not {"numpy", "pandas", "pyarrow", "pyspark", "PIL"} & set(done.stdout.split())


def test_of_several_labels_classes_that_cannot_be_learned_are_named_and_one_is_enough(
    tmp_path: Path, messages: list[str]
) -> None:
    folder = put_images(tmp_path / "images", "train/cat/1.png", "test/dog/2.png", "test/cat/3.png")

    module.check(str(folder), task=MULTI_LABEL)
    module.sources(str(folder), messages.append, task=MULTI_LABEL)

    assert messages[-1] == "classes that no training image shows, which cannot be learned: 'dog'"
    assert input_error("image_folder", folder).startswith("class 'dog' has no training image")


def test_of_several_labels_a_training_image_must_show_a_class(tmp_path: Path) -> None:
    folder = put_images(tmp_path / "images", "a.png", "b.png")
    (folder / "labels.csv").write_text("file,label,present\na.png,cat,0\nb.png,dog,no\n")

    assert input_error("image_folder", folder, task=MULTI_LABEL).startswith(f"no training image in {folder} shows a")


@pytest.mark.parametrize("name", ["black|white", "(none)"])
def test_of_several_labels_a_class_that_could_be_a_list_is_refused(name: str, tmp_path: Path) -> None:
    folder = put_images(tmp_path / "images", f"{name}/1.png", "cat/2.png")

    assert input_error("image_folder", folder, task=MULTI_LABEL).startswith(f"{folder} has classes that cannot be one")
    module.check(str(folder))


def test_a_table_of_several_labels_that_is_read_as_one_label_says_so(tmp_path: Path, messages: list[str]) -> None:
    folder = put_images(tmp_path / "images", "a.png", "b.png", "c.png")
    (folder / "labels.csv").write_text("file,label,present\na.png,cat|dog,1\nb.png,cat,1\nc.png,cat|dog,1\n")

    module.sources(str(folder), messages.append)

    hint = "; for images with several labels self_training has the task multi_label"
    assert messages[1:] == [
        f"labels.csv has 2 labels with '|', each read as one{hint}",
        f"the column present of labels.csv is not read{hint}",
    ]
