"""The stage ingest where images may have several labels: its tables, and what stays as it is with one label."""

from pathlib import Path
from typing import Any

import pytest
from bench import job_module, run_stage

from dataset_samples import image_folder, open_images
from dataset_samples.image_folder import put_images
from kindred.data import ingest
from kindred.runtime import runs
from kindred.runtime.errors import InputError
from kindred.runtime.label_sets import MULTI_LABEL, SINGLE_LABEL
from kindred.runtime.run_reader import RunReader
from kindred.runtime.stage import Stage
from pictures import encoded, noise

FOLDER = {"dataset": "image_folder", "limit": None, "leaks": "drop"}


def ingested(name: str, **arguments: Any) -> tuple[dict[str, Any], dict[str, str], dict[str, dict[str, bool]]]:
    """The mark, the split of each image that stays by its id, and what the table truth says of it."""
    run = runs.run_folder("tests", name)
    mark = run_stage("ingest", run, **arguments)
    reader = RunReader(run, "report")
    images = reader.rows("images", ["image_id", "split"]).to_pylist()
    assert len({row["image_id"] for row in images}) == len(images)  # none is in two splits
    truth: dict[str, dict[str, bool]] = {}
    for row in reader.rows("truth").to_pylist():
        assert row["label"] not in truth.setdefault(row["image_id"], {})
        truth[row["image_id"]][row["label"]] = row["present"]
    return mark, {row["image_id"]: row["split"] for row in images}, truth


@pytest.mark.spark
def test_the_same_pixels_in_the_folders_of_several_classes_have_their_labels_together(spark, data, tmp_path) -> None:
    names = [
        "train/cat/1.png",
        "train/cat/2.png",
        "train/dog/3.png",
        "test/cat/4.png",
        "test/emu/5.png",
        "unlabeled/6.png",
    ]
    folder = put_images(tmp_path / "photos", *names)
    pixels = [encoded(noise(seed=seed)) for seed in range(len(names))]
    (folder / "train/dog/1.png").write_bytes(pixels[0])  # of both
    (folder / "train/dog/4.png").write_bytes(pixels[3])  # a test image's, of another class
    (folder / "test/cat/5.png").write_bytes(pixels[4])
    (folder / "unlabeled/3.png").write_bytes(pixels[2])
    (folder / "train/dog/broken.png").write_bytes(b"no image")

    mark, split_of, truth = ingested("folders", **FOLDER, path=str(folder), task=MULTI_LABEL)

    known = sorted(
        (split_of[image], sorted(name for name, shown in of.items() if shown)) for image, of in truth.items()
    )
    assert known == [
        ("test", ["cat"]),  # not dog, as the leak says
        ("test", ["cat", "emu"]),
        ("train", ["cat"]),
        ("train", ["cat", "dog"]),
        ("train", ["dog"]),
    ]
    assert all(of.keys() == {"cat", "dog", "emu"} for of in truth.values())
    assert mark["facts"]["classes"] == ["cat", "dog", "emu"]
    assert (mark["facts"]["task"], mark["facts"]["test_labels"]) == (MULTI_LABEL, 2)
    figures = {
        name: mark["figures"][f"ingest/{name}"] for name in ("train", "test", "unlabeled", "undecoded", "leaked")
    }
    assert figures == {"train": 3, "test": 2, "unlabeled": 1, "undecoded": 1, "leaked": 1}
    assert (mark["figures"]["ingest/repeated"], mark["figures"]["ingest/contradicting"]) == (3, 0)
    assert mark["figures"]["ingest/joined"] == 2  # the first of cat and dog, and the test image of cat and emu
    reasons = RunReader(runs.run_folder("tests", "folders"), "report").rows("rejected")["reason"].to_pylist()
    assert reasons.count(ingest.LEAKED) == 1


@pytest.mark.spark
def test_what_no_row_of_a_table_says_is_unknown_and_a_fifth_is_held_out(spark, data, tmp_path) -> None:
    folder = put_images(tmp_path / "photos", *(f"{i}.png" for i in range(12)))
    lines = [f"{i}.png,{label},{(i + len(label)) % 2}" for i in range(10) for label in ("sea", "sunset")[: 1 + i % 2]]
    (folder / "labels.csv").write_text("\n".join(["file,label,present", *lines, "10.png,,", ""]))

    mark, split_of, truth = ingested("table", **FOLDER, path=str(folder), task=MULTI_LABEL)

    assert sorted(split_of.values()) == ["test"] * 2 + ["train"] * 8 + ["unlabeled"] * 2
    assert sorted(map(len, truth.values())) == [1] * 5 + [2] * 5
    assert [sum(of.get(name, False) for of in truth.values()) for name in ("sea", "sunset")] == [5, 5]
    assert sum(name == "sunset" for of in truth.values() for name in of) == 5
    assert mark["facts"]["test_labels"] == 2


@pytest.mark.spark
def test_of_open_images_present_and_absent_are_kept_apart_from_unknown(spark, data, tmp_path) -> None:
    folder = open_images.make(tmp_path / "oi")
    (folder / "train" / "b2.jpg").unlink()
    arguments = {**open_images.PARAMS, "dataset": "open_images", "path": str(folder), "limit": None, "leaks": "drop"}

    mark, split_of, truth = ingested("open_images", **arguments, task=MULTI_LABEL)

    assert sorted((split_of[image], sorted(of.items())) for image, of in truth.items()) == [
        ("test", [("Mountain", False), ("Tree", True)]),
        ("test", [("Mountain", True)]),
        ("test", [("Tree", True)]),
        ("train", [("Mountain", False), ("Tree", False)]),
        ("train", [("Mountain", True)]),
        ("train", [("Mountain", True)]),
        ("train", [("Mountain", True), ("Tree", True)]),
        ("train", [("Tree", True)]),
    ]
    assert mark["figures"]["ingest/undecoded"] == 1
    assert mark["arguments"]["task"] == MULTI_LABEL


@pytest.mark.spark
def test_with_one_label_the_task_is_not_recorded_and_every_label_is_present(spark, data, tmp_path) -> None:
    folder = str(image_folder.make(tmp_path / "photos"))

    mark, _, truth = ingested("single", **FOLDER, path=folder, task=SINGLE_LABEL)
    again, _, _ = ingested("before", **FOLDER, path=folder)

    assert "task" not in mark["facts"]
    assert "task" not in mark["arguments"]
    assert again["folder"] == mark["folder"]
    assert again["figures"]["ingest/reused"] == 1
    assert sorted(map(str, truth.values())) == ["{'cat': True}"] * 3 + ["{'dog': True}"] * 2


def home(**arguments: object) -> str:
    stage = Stage("ingest", "file:///run", {})
    given = {"dataset": "digits", "path": None, "limit": None, "leaks": "drop", **arguments}
    return job_module("ingest").home(stage, **given)


def test_the_task_is_part_of_the_fingerprint_with_several_labels_only(data, tmp_path) -> None:
    of = {**FOLDER, "path": str(image_folder.make(tmp_path / "photos"))}

    assert home(**of) == home(**of, task=SINGLE_LABEL) != home(**of, task=MULTI_LABEL)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({}, "dataset digits has one label an image; task multi_label is for image_folder, open_images"),
        ({"dataset": "image_folder", "to_match": True}, "task multi_label is for classifiers that learn from labels"),
        (
            {"dataset": "image_folder", "labels_required": False},
            "task multi_label is for classifiers that learn from labels",
        ),
    ],
)
def test_what_has_one_label_an_image_is_refused(arguments: dict, line: str, data: Path) -> None:
    with pytest.raises(InputError, match=line):
        home(**arguments, task=MULTI_LABEL)
