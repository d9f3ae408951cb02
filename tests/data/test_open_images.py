"""Classes of Open Images: which images a study has, which splits, what is refused, and images in a bucket."""

from pathlib import Path

import pandas as pd
import pytest

import stores
from dataset_samples import input_error, read
from dataset_samples.open_images import (
    FRUIT,
    HUMAN,
    MACHINE,
    MOUNTAIN,
    ORANGE,
    PALM,
    TREE,
    make,
    put_images,
    put_labels,
    put_names,
)
from kindred.data import decoding, open_images_files, raw_images
from kindred.data.datasets import open_images
from kindred.runtime import storage
from kindred.runtime.label_sets import MULTI_LABEL, SINGLE_LABEL

LABELS = {TREE: "Tree", MOUNTAIN: "Mountain"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make(tmp_path / "oi")


def study(path: Path, **params: object) -> tuple[dict[str, tuple[str, str | None]], list[str]]:
    """The use and the label of each image by its id, and the notes."""
    notes: list[str] = []
    found = open_images.sources(str(path), notes.append, ("Tree", "Mountain"), **params)
    label_source, threshold = str(params.get("label_source", "human")), params.get("label_threshold", 0.8)
    given = label_source, threshold, "", "leave_out", SINGLE_LABEL
    chosen = open_images._study(tuple(found), ("Tree", "Mountain"), *given)
    return {one.id: (chosen.split_of[one.folder], one.label) for one in chosen.images}, notes


def test_an_image_has_one_label_and_validation_is_for_testing_beside_train(folder: Path) -> None:
    images, notes = study(folder)

    assert images == {
        "a1": ("test", "Tree"),
        "a2": ("test", "Tree"),
        "a3": ("test", "Mountain"),
        "b0": ("train", "Tree"),
        "b1": ("train", "Mountain"),
        "b2": ("train", "Tree"),
        "b3": ("train", "Mountain"),
    }
    assert notes == [
        "Tree (/m/07j7r): 4 images, Mountain (/m/09d_r): 3 images",
        "images that show several of the classes, left out: 1",
        "images that show none of them, as far as is known, left out: 1",
        "images of one class in which another is not known, and may be there too: 6",
        "images of validation are for testing, those of train for training",
    ]


@pytest.mark.parametrize(("both", "label"), [("leave_out", None), ("keep_first", "Mountain")])
def test_an_image_of_both_classes_is_left_out_or_of_the_first(both: str, label: str | None) -> None:
    known = {"a": {TREE: True, MOUNTAIN: True}}
    images, _ = open_images.choose(known, {"a": "train"}, {MOUNTAIN: "Mountain", TREE: "Tree"}, both)

    assert [image.label for image in images] == ([label] if label else [])


def test_one_official_split_leaves_it_to_ingest_to_set_a_fifth_aside() -> None:
    assert set(open_images.uses(["validation"]).values()) == {"train"}
    assert open_images.uses(["train", "validation", "test"]) == {
        "train": "train",
        "validation": "train",
        "test": "test",
    }
    assert open_images.uses(["validation", "test"])["validation"] == "train"


def test_a_split_without_a_picture_is_none(folder: Path) -> None:
    put_labels(folder / "test-annotations-human-imagelabels.csv", [("c1", TREE, 1), ("c2", MOUNTAIN, 1)])

    images, _ = study(folder)

    assert images["a1"][0] == "test"
    assert images["c1"] == ("train", "Tree")  # rejected there, since its file cannot be read


def test_an_image_in_the_tables_of_two_splits_is_in_one(folder: Path) -> None:
    put_labels(folder / "validation-annotations-human-imagelabels.csv", [("b0", TREE, 1)])

    images, notes = study(folder)

    assert images["b0"] == ("test", "Tree")
    assert "images in the label tables of two splits: 1, used for the later one" in notes


def test_a_parent_is_implied_by_its_child_unless_people_say_that_it_is_absent(folder: Path) -> None:
    put_labels(folder / "v7" / HUMAN, [("a1", PALM, 1), ("a2", PALM, 1), ("a2", TREE, 0), ("a3", MOUNTAIN, 1)])

    images, _ = study(folder)

    assert images["a1"] == ("test", "Tree")
    assert "a2" not in images


def test_machine_labels_count_from_the_threshold_on_and_below_it_an_image_is_unlabelled(folder: Path) -> None:
    labels = [("a1", TREE, 0.9), ("a2", MOUNTAIN, 0.6), ("a3", TREE, 0.95), ("a3", MOUNTAIN, 0.85)]
    put_labels(folder / MACHINE, labels, "machine")

    images, notes = study(folder, label_source="machine", label_threshold=0.85)

    assert images == {"a1": ("train", "Tree"), "a2": ("train", None)}
    assert "images in which a machine is less sure than the threshold, unlabelled: 1" in notes
    assert study(folder, label_source="both")[0]["a2"] == ("test", "Tree")  # people have said so


def test_the_newest_label_of_people_counts(folder: Path) -> None:
    put_labels(folder / "validation-annotations-human-imagelabels-boxable.csv", [("a1", TREE, 0)])

    images, notes = study(folder)

    assert images["a1"] == ("test", "Tree")
    assert "labels that people say are present and absent: 1; the newest counts" in notes


def test_what_does_not_fit_is_refused_in_one_line(folder: Path, tmp_path: Path) -> None:
    def error(*classes: str, **params: object) -> str:
        return input_error("open_images", folder, classes=list(classes) or ["Tree", "Mountain"], **params)

    assert error("Tre", "Mountain") == "no class 'Tre'; nearest: Tree (/m/07j7r), Palm tree (/m/0cdl1)"
    assert (
        error("orange", "Tree") == "the name 'orange' stands for 2 classes: choose one by its id: /m/0cyhj_, /m/0jc_p"
    )
    assert error("Tree").startswith("classes needs two classes or more of Open Images, by name or id")
    assert error("Tree", TREE) == "classes names 'Tree' (/m/07j7r) twice"
    assert error(FRUIT, ORANGE) == (
        "Orange (/m/0cyhj_) is a kind of Fruit (/m/02xwb), so its images are of both classes; take one"
    )
    assert error("Tree", FRUIT).startswith("no training image of the class Fruit (/m/02xwb) by label_source human")
    assert error(label_source="machine") == f"no table of machine labels in {folder}; set label_source to human"
    assert error(images=str(tmp_path)) == (
        f"none of the 7 images is there, such as {tmp_path}/validation/a1.jpg; let images name their folder"
    )
    (folder / "oidv7-train-annotations-human-imagelabels.csv").write_text("ImageID,LabelName\na,b\n")
    assert error().endswith("must have the columns ImageID,Source,LabelName,Confidence, not ImageID,LabelName")


def test_a_folder_without_label_tables_is_refused(tmp_path: Path) -> None:
    put_names(tmp_path)

    assert input_error("open_images", tmp_path).startswith(f"no label table of Open Images in {tmp_path}: it is named")
    assert input_error("open_images", "") == "dataset open_images needs a path: the folder of its CSV files"


@pytest.mark.spark
def test_an_image_is_turned_by_the_table_and_one_without_a_file_is_rejected(spark, folder: Path) -> None:
    (folder / "train" / "b3.jpg").unlink()

    rows = {row.origin[-6:-4]: row for row in read(spark, "open_images", folder)}

    assert (rows["a1"].height, rows["a1"].width) == (16, 8)
    assert (rows["a2"].height, rows["a2"].width) == (8, 16)
    assert rows["b3"].reason == "cannot be read: No such file or directory"
    assert [name for name, row in rows.items() if row.reason] == ["b3"]


@pytest.mark.spark
def test_images_of_a_busy_bucket_are_all_read_and_it_is_not_listed(
    spark, bucket: str, object_store: str, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    folder = make(tmp_path / "oi")
    (folder / "validation-images-with-rotation.csv").unlink()  # images to turn are read by the session's workers
    (folder / "train" / "b3.jpg").unlink()
    for file in [file for file in folder.rglob("*.*") if file.is_file()]:
        fs, inside = storage.filesystem(f"{bucket}/{file.relative_to(folder)}")
        fs.pipe_file(inside, file.read_bytes())
    path, classes, busy = bucket.replace("s3a", "s3"), ["Tree", "Mountain"], set()

    def once(method: str, path: str) -> int | None:
        """Each object is refused the first time."""
        first = path not in busy
        busy.add(path)
        return 503 if first else None

    with stores.proxy(object_store) as (address, fault):
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        fault.refuse = once
        raw = open_images.read(spark, open_images.sources(path, lambda line: None, classes), None, classes).collect()
        # Decoded here: the session's workers began before this test's store.
        frames = [pd.DataFrame([tuple(row) for row in raw], columns=raw_images.COLUMNS)]
        decoded = pd.concat(decoding.decode_batches(2**20, frames))
        asked = [path for _, path, _ in fault.requests]

    reasons = {row.origin.rsplit("/", 1)[1]: row.reason for row in decoded.itertuples() if row.reason}
    assert len(decoded) == 7
    assert reasons == {"b3.jpg": "cannot be read: it is gone from the bucket"}
    assert not [path for path in asked if "list-type" in path or "prefix=" in path]


def test_tables_of_a_bucket_that_may_not_be_listed_are_found(
    bucket: str, object_store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make(tmp_path / "oi")
    there = {f"/{file.name}" for file in folder.glob("*.*")}
    for file in folder.glob("*.*"):
        fs, inside = storage.filesystem(f"{bucket}/{file.name}")
        fs.pipe_file(inside, file.read_bytes())

    with stores.proxy(object_store) as (address, fault):
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        fault.refuse = lambda method, path: None if any(path.endswith(name) for name in there) else 403
        found = open_images_files.find(bucket.replace("s3a", "s3"))
        fault.refuse = lambda method, path: 403
        refusal = input_error("open_images", bucket.replace("s3a", "s3"))

    assert {source.uri.rsplit("/", 1)[1] for source in found.sources()} == {name[1:] for name in there}
    assert refusal.startswith("the key of AWS_ACCESS_KEY_ID may not do this with")


def test_images_may_lie_elsewhere(folder: Path, tmp_path: Path) -> None:
    put_images(tmp_path / "pictures" / "train", "b0", "b1")

    open_images.check(str(folder), ["Tree", "Mountain"], images=str(tmp_path / "pictures"))


def several(path: Path, *classes: str, **params: object) -> tuple[dict[str, str | None], list[str]]:
    """What is known of each image of several labels by its id, and the notes."""
    notes: list[str] = []
    found = open_images.sources(str(path), notes.append, classes, task=MULTI_LABEL, **params)
    given = params.get("label_source", "human"), params.get("label_threshold", 0.8), "", "leave_out", MULTI_LABEL
    return {one.id: one.label for one in open_images._study(tuple(found), classes, *given).images}, notes


def test_of_several_labels_each_image_of_which_a_class_is_known_is_one(folder: Path) -> None:
    images, notes = several(folder, "Tree", "Mountain")

    assert images == {
        "a1": '{"Tree": true}',
        "a2": '{"Mountain": false, "Tree": true}',
        "a3": '{"Mountain": true}',
        **{"b0": '{"Tree": true}', "b1": '{"Mountain": true}', "b2": '{"Tree": true}', "b3": '{"Mountain": true}'},
        "b4": '{"Mountain": false, "Tree": false}',
        "b5": '{"Mountain": true, "Tree": true}',
    }
    assert notes == [
        "Tree (/m/07j7r): 5 images show it, 1 do not, 3 are not known to",
        "Mountain (/m/09d_r): 4 images show it, 2 do not, 3 are not known to",
        "images that show several of the classes: 1",
        "images of validation are for testing, those of train for training",
    ]


def test_of_several_labels_one_class_is_enough_and_a_class_may_be_a_kind_of_another(folder: Path) -> None:
    put_labels(folder / "v7" / HUMAN, [("a1", PALM, 1), ("a2", PALM, 1), ("a2", TREE, 0), ("a3", PALM, 0)])

    one, _ = several(folder, "Tree")
    both, notes = several(folder, "Tree", PALM)

    assert (one["a1"], one["a2"]) == ('{"Tree": true}', '{"Tree": false}')
    assert "a3" not in one
    assert both["a1"] == '{"Palm tree": true, "Tree": true}'
    assert both["a2"] == '{"Palm tree": true, "Tree": false}'
    assert both["a3"] == '{"Palm tree": false}'
    assert "classes that no training image shows, which cannot be learned: Palm tree (/m/0cdl1)" in notes
    open_images.check(str(folder), ["Tree", PALM], task=MULTI_LABEL)


def test_of_several_labels_a_machine_that_is_less_sure_leaves_the_class_unknown(folder: Path) -> None:
    labels = [("a1", TREE, 0.9), ("a1", MOUNTAIN, 0.6), ("a2", MOUNTAIN, 0.6), ("b0", MOUNTAIN, 0.95), ("b4", TREE, 1)]
    put_labels(folder / MACHINE, labels, "machine")

    images, notes = several(folder, "Tree", "Mountain", label_source="machine", label_threshold=0.85)
    joined, _ = several(folder, "Tree", "Mountain", label_source="both", label_threshold=0.85)

    assert images == {"a1": '{"Tree": true}', "a2": None, "b0": '{"Mountain": true}', "b4": '{"Tree": true}'}
    assert "images in which a machine is less sure than the threshold of all classes, unlabelled: 1" in notes
    assert joined["b0"] == '{"Mountain": true, "Tree": true}'
    assert joined["b4"] == '{"Mountain": false, "Tree": false}'  # people have said so


def test_of_several_labels_what_does_not_fit_is_refused_in_one_line(folder: Path) -> None:
    assert input_error("open_images", folder, classes=[], task=MULTI_LABEL).startswith("classes needs a class or more")
    assert input_error("open_images", folder, classes=[FRUIT], task=MULTI_LABEL) == (
        "no training image of the class Fruit (/m/02xwb) by label_source human; choose others, or both label sources"
    )
    names = folder / "oidv7-class-descriptions.csv"
    names.write_text(names.read_text().replace("Mountain", "Hill|Mountain"))
    assert input_error("open_images", folder, classes=[TREE, MOUNTAIN], task=MULTI_LABEL).startswith(
        "classes has classes that cannot be one of several labels: 'Hill|Mountain'; rename them"
    )
