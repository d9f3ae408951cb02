"""What folders mean: splits, classes, and what was decided where they leave a choice."""

from collections import Counter
from collections.abc import Sequence

import pytest

from kindred.data import class_checks, folder_layout
from kindred.runtime.errors import InputError


def images(*folders: str, each: int = 2) -> list[str]:
    """The names of some images in each folder."""
    return [f"{folder}/{i}.png" for folder in folders for i in range(each)]


def places(names: Sequence[str]) -> dict[tuple, int]:
    """How many images there are of each split and label."""
    return dict(Counter(tuple(place) for place in folder_layout.by_folders(names, "/photos").places))


def notes(names: Sequence[str]) -> list[str]:
    return folder_layout.by_folders(names, "/photos").notes


def error(names: Sequence[str]) -> str:
    """The one line with which folders are refused."""
    with pytest.raises(InputError) as caught:
        check(names)
    return str(caught.value)


def check(names: Sequence[str], reasons: Sequence[str | None] = ()) -> None:
    layout = folder_layout.by_folders(names, "/photos")
    folder_layout.check_labelled(layout, names, "/photos")
    class_checks.check(layout.places, names, reasons or [None] * len(names), "/photos")


SPLITS = {("train", "cat"): 2, ("train", "dog"): 2, ("test", "cat"): 2, ("test", "dog"): 2}


@pytest.mark.parametrize(
    ("train", "test"), [("Train", "Test"), ("Training", "Testing"), ("TRAIN", "TEST"), ("training_set", "test_set")]
)
def test_splits_in_other_spellings_are_splits(train: str, test: str) -> None:
    names = images(f"{train}/cat", f"{train}/dog", f"{test}/cat", f"{test}/dog")

    assert places(names) == SPLITS
    assert sorted(notes(names)) == sorted([f"{train}/ is read as train/", f"{test}/ is read as test/"])


def test_splits_as_documented_are_no_news() -> None:
    names = [*images("train/cat", "train/dog/deep/deeper", "test/cat", "unlabeled", "unlabeled/deep"), "1.png"]

    assert places(names) == {("train", "cat"): 2, ("train", "dog"): 2, ("test", "cat"): 2, ("unlabeled", None): 5}
    assert notes(names) == []


@pytest.mark.parametrize("name", ["unlabeled", "Unlabeled", "UNLABELLED", "unlabelled_images"])
def test_a_pile_beside_classes_is_no_class(name: str) -> None:
    assert places(images("cat", "dog", name)) == {("train", "cat"): 2, ("train", "dog"): 2, ("unlabeled", None): 2}


@pytest.mark.parametrize("name", ["val", "valid", "validation", "Val"])
def test_images_for_validation_are_joined_to_those_for_training_and_that_is_said(name: str) -> None:
    names = images("train/cat", "train/dog", f"{name}/cat", f"{name}/dog", "test/cat")

    assert places(names) == {("train", "cat"): 4, ("train", "dog"): 4, ("test", "cat"): 2}
    assert [
        note
        for note in notes(names)
        if f"joined to the training images: models are chosen by cross-validation: 4 in {name}/" in note
    ]


@pytest.mark.parametrize("held", [("test",), ("val",), ("Testing", "Validation"), ("test", "unlabeled")])
def test_test_images_without_training_images_are_reported(held: tuple) -> None:
    names = images(*(f"{part}/{label}" for part in held for label in ("cat", "dog")))

    line = error(names)

    assert line.startswith("/photos has ")
    assert line.endswith("/ without train/: put training images into train/<class>/, or name them in labels.csv")


def test_a_folder_for_training_without_classes_is_reported() -> None:
    line = "/photos has train/ without class folders: put training images into train/<class>/, or name them in"

    assert error(images("train", "test")).startswith(line)
    assert error(images("train", "unlabeled")).startswith(line)


@pytest.mark.parametrize("name", ["test", "valid", "train", "Training"])
def test_a_class_may_be_called_like_a_split_beside_other_classes(name: str) -> None:
    names = images("cat", "dog", name)

    assert places(names) == {("train", "cat"): 2, ("train", "dog"): 2, ("train", name): 2}
    assert notes(names) == [f"{name}/ is read as a class, beside cat/, dog/: there is no train/ with class folders"]


def test_test_images_beside_classes_are_known_by_the_same_classes_in_them() -> None:
    assert places(images("cat", "dog", "Test/cat", "Test/dog")) == SPLITS


def test_a_class_below_train_may_have_any_name() -> None:
    assert places(images("train/test", "train/val")) == {("train", "test"): 2, ("train", "val"): 2}


def test_other_folders_beside_train_are_unlabelled_and_that_is_said() -> None:
    names = images("train/cat", "train/dog", "extra/cat", "test")

    assert places(names) == {("train", "cat"): 2, ("train", "dog"): 2, ("unlabeled", None): 4}
    assert notes(names) == [
        "extra/ beside train/ is no class: its images (2) are unlabelled",
        "test/ holds no class folders: its images are unlabelled",
    ]


def test_splits_below_classes_are_said_to_be_none() -> None:
    names = images("cat/train", "cat/test", "dog/train", "dog/test")

    assert places(names) == {("train", "cat"): 4, ("train", "dog"): 4}
    assert notes(names) == [
        "cat/test/, cat/train/, dog/test/, dog/train/: folders below a class are no splits; its images are all for "
        "training"
    ]


def test_one_folder_too_high_gets_a_hint() -> None:
    one = images("pets/train/cat", "pets/train/dog", "pets/test/cat", "readme")
    several = images("pets/Train/cat", "cars/train/bus")

    assert error(one) == "no train/ in /photos, but there is pets/train/: give the path /photos/pets"
    assert error(several) == (
        "no train/ in /photos, but there is cars/train/, pets/Train/: give the path /photos/cars or /photos/pets"
    )
    assert error(images("pets/cat", "pets/dog")) == (
        "all labels in /photos are of one class, 'pets', 4 images; give /photos/pets, which holds cat, dog?"
    )
    assert error(images("a/b/train/cat", "a/b/train/dog", "a/b/test/cat")).endswith(
        "give /photos/a/b, which holds test, train?"
    )


def test_a_line_break_in_a_name_breaks_no_line() -> None:
    assert error(images("a\nb/train/cat")).endswith(r"give the path /photos/a\nb")
    assert error(images("a\nb/cat", "a\nb/dog")).endswith(r"give /photos/a\nb, which holds cat, dog?")


def test_the_same_folder_in_the_same_folder_gets_a_hint() -> None:
    line = error(images("training_set/training_set/cats", "training_set/training_set/dogs"))

    assert line.endswith("give /photos/training_set/training_set, which holds cats, dogs?")


def test_white_space_and_code_points_make_no_class_of_their_own() -> None:
    names = images("cat", "cat ", "caf\u00e9", "cafe\u0301")

    assert places(names) == {("train", "cat"): 4, ("train", "caf\u00e9"): 4}
    assert notes(names) == [
        "class 'caf\u00e9' is in folders of 2 spellings: cafe\u0301, caf\u00e9",
        "class 'cat' is in folders of 2 spellings: cat, cat ",
    ]


def test_a_folder_with_a_blank_name_is_no_class() -> None:
    names = [*images("cat", "dog", " "), "/1.png"]

    assert places(names) == {("train", "cat"): 2, ("train", "dog"): 2, ("unlabeled", None): 3}
    assert notes(names) == ["folders with a blank name are no classes, their images unlabelled: ' '"]


def test_classes_that_differ_in_case_only_are_said() -> None:
    layout = folder_layout.by_folders(images("Cat", "cat", "dog"), "/photos")

    assert class_checks.notes(layout.places) == ["classes that differ only in upper and lower case: 'Cat', 'cat'"]


def test_a_class_without_a_training_image_is_named() -> None:
    names = [*images("train/cat", "train/dog", "test/cat", "test/eel", "test/bee"), "train/ant/1.png"]

    assert error(names) == (
        "2 classes have no training image in /photos: 'bee' (only test images), 'eel' (only test images); "
        "add images, or take them out"
    )
    assert error([*images("train/cat", "train/dog", "test/eel")]) == (
        "class 'eel' has no training image in /photos: only test images; add images, or take it out"
    )


def test_one_training_image_of_a_class_is_enough() -> None:
    check(["cat/1.png", "dog/1.png", "unlabeled/1.png"])


def test_a_class_that_cannot_be_read_is_named_with_the_reason() -> None:
    names = images("cat", "dog", "eel")

    with pytest.raises(InputError, match="class 'eel' has no training image .*: eel/0.png: a socket, not a file; add"):
        check(names, [None] * 4 + ["a socket, not a file"] * 2)


def test_many_files_are_placed_soon() -> None:
    names = [f"train/class{i % 1000}/{i}.png" for i in range(100_000)]

    assert len(places(names)) == 1000


def test_a_table_further_down_is_said_not_to_be_read() -> None:
    names = [*images("pets"), "pets/labels.csv"]

    assert error(names).endswith("pets/labels.csv is read where it is directly in the path: give /photos/pets")
    assert notes([*names, *images("cars")]) == ["not read, since not directly in /photos: pets/labels.csv"]


def test_a_class_that_is_spelled_otherwise_among_the_test_images_is_said() -> None:
    line = error(images("train/Cat", "train/dog", "test/cat"))

    assert line == (
        "class 'cat' has no training image in /photos: only test images, but of 'Cat' there are others; "
        "add images, or take it out"
    )


def test_queries_and_a_gallery_beside_training_images_keep_their_split_with_or_without_a_label() -> None:
    names = images("train/cat", "train/dog", "query", "gallery/cat", "gallery")

    assert places(names) == {
        **{("train", "cat"): 2, ("train", "dog"): 2, ("query", None): 2},
        **{("gallery", "cat"): 2, ("gallery", None): 2},
    }
    assert notes(names) == ["gallery/, query/: 6 images to match, from which no classifier learns"]
    check(names)


def test_queries_and_a_gallery_alone_are_images_to_match() -> None:
    assert places(images("queries", "gallery")) == {("query", None): 2, ("gallery", None): 2}


def test_a_gallery_without_queries_is_a_class_beside_others() -> None:
    assert places(images("gallery", "street")) == {("train", "gallery"): 2, ("train", "street"): 2}


def test_a_class_of_queries_and_gallery_alone_needs_no_training_image() -> None:
    check(images("train/cat", "train/dog", "query/eel", "gallery/eel"))
