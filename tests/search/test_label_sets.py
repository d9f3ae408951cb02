"""A gallery of images with several labels: what is shown of an image, and which ones pass a filter."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kindred.runtime import file_names, storage
from kindred.runtime.errors import InputError
from kindred.search import image_index
from kindred.search.gallery import Filter
from kindred.search.image_index import Index
from kindred.search.shards import Images

CLASSES, THRESHOLDS = ["sea", "sunset", "tree"], [0.5, 0.25, 0.5]
IMAGES = Images(
    np.array([[0], [1], [2], [3]], np.float32),
    np.array([[0.75, 0.5, 0], [0.5, 0, 0.25], [0.25, 0.125, 0], [0.25, 0.25, 1]], np.float32),
    ["a", "b", "c", "d"],
    ["train", "train", "unlabeled", "unlabeled"],
    ["beach"] * 4,
    ["sea|sunset", "(none)", None, None],
)
PREDICTED = ["sea|sunset", "sea", "(none)", "sunset|tree"]
CONFIDENCE = [0.75 * 0.5, 0.5 * 0.75, 0.75 * 0.875, 0.75 * 0.25]  # that each of the three is as it is predicted


@pytest.fixture
def beach() -> Index:
    return image_index.build(IMAGES, CLASSES, thresholds=THRESHOLDS)


def test_an_image_is_shown_with_all_its_classes_each_with_its_probability(beach: Index) -> None:
    (answer,) = beach.search(beach.images(["d"]), 4, "l2", itself=True)

    near = {found.image_id: found for found in answer.neighbours}
    assert [near[name].prediction for name in "abcd"] == PREDICTED
    assert [near[name].confidence for name in "abcd"] == CONFIDENCE
    assert list((near["a"].predicted or {}).items()) == [("sea", 0.75), ("sunset", 0.5)]
    assert list((near["d"].predicted or {}).items()) == [("tree", 1.0), ("sunset", 0.25)]
    assert near["c"].predicted == {}
    assert [near[name].label for name in "abcd"] == ["sea|sunset", "(none)", None, None]
    assert (answer.prediction, answer.confidence, answer.predicted) == (
        "sunset|tree",
        CONFIDENCE[3],
        near["d"].predicted,
    )


@pytest.mark.parametrize(
    ("where", "passing"),
    [
        (Filter(classes=["sunset"]), "ad"),
        (Filter(classes=["sea", "tree"]), "abd"),
        (Filter(classes=["sea", "sunset"], all_classes=True), "a"),
        (Filter(classes=["(none)"]), "c"),
        (Filter(classes=["(none)", "tree"]), "cd"),
        (Filter(classes=["sea"], confidence=(0.6, 1)), "a"),
        (Filter(classes=["sea", "tree"], confidence=(0, 0.6)), "b"),
        (Filter(confidence=(0.375, 0.5)), "ab"),
        (Filter(labels=["sunset"]), "a"),
        (Filter(labels=["tree"]), ""),
        (Filter(labels=["(none)"]), "b"),
        (Filter(labelled=True), "ab"),
        (Filter(labelled=False, classes=["tree"]), "d"),
    ],
)
def test_an_image_passes_by_each_of_its_classes_and_labels(beach: Index, where: Filter, passing: str) -> None:
    assert "".join(beach.ids(where)) == passing


def test_a_saved_index_says_the_same_as_the_one_in_memory(beach: Index, tmp_path: Path) -> None:
    beach.delete(["c"]).add(replace(IMAGES[2:3], ids=["e"])).save(storage.uri(str(tmp_path)))

    opened = image_index.open_folder(storage.uri(str(tmp_path)))

    assert opened.thresholds == THRESHOLDS
    assert opened.ids(Filter(classes=["(none)"])) == ["e"]
    (answer,) = opened.search(opened.images(["d"]), 3, "l2")
    assert [(near.image_id, near.prediction) for near in answer.neighbours] == [
        ("e", "(none)"),
        ("b", "sea"),
        ("a", "sea|sunset"),
    ]


@pytest.mark.parametrize("thresholds", [[0.5], [0.5, "0.5", 0.5], {"sea": 0.5}])
def test_an_index_whose_thresholds_are_not_of_its_classes_is_refused(thresholds: object, tmp_path: Path) -> None:
    index = image_index.build(IMAGES, CLASSES, thresholds=THRESHOLDS)
    replace(index, about={**index.about, "thresholds": thresholds}).save(storage.uri(str(tmp_path)))

    with pytest.raises(InputError, match="does not say rightly what 'thresholds' is"):
        image_index.open_folder(storage.uri(str(tmp_path)))


def test_an_index_of_one_label_an_image_knows_nothing_of_sets(tmp_path: Path) -> None:
    index = image_index.build(IMAGES, CLASSES)
    index.save(storage.uri(str(tmp_path)))

    (answer,) = index.search(index.images(["d"]), 1, "l2")

    assert "thresholds" not in json.loads((tmp_path / file_names.ABOUT).read_text())
    assert (answer.prediction, answer.confidence, answer.predicted) == ("tree", 1, None)
    assert index.ids(Filter(classes=["sea"])) == ["a", "b", "c"]
    assert index.ids(Filter(classes=["sea", "tree"], all_classes=True)) == []
    assert index.ids(Filter(classes=["sea"], all_classes=True)) == ["a", "b", "c"]
    with pytest.raises(InputError, match=r"unknown class '\(none\)'; known: sea, sunset, tree"):
        index.ids(Filter(classes=["(none)"]))


def test_each_index_has_the_divergence_that_fits_its_probabilities(beach: Index) -> None:
    single = image_index.build(IMAGES, CLASSES)

    assert list(beach.bounds) == list(beach.distances) == ["l2", "cosine", "probability_l2", "binary_kullback_leibler"]
    assert list(single.bounds) == list(single.distances) == ["l2", "cosine", "probability_l2", "kullback_leibler"]
    with pytest.raises(InputError, match="'kullback_leibler' is for one label an image; known: l2, cosine, prob"):
        beach.search(IMAGES, 1, "kullback_leibler")
    with pytest.raises(InputError, match="'binary_kullback_leibler' is for several labels an image; known: l2"):
        single.search(IMAGES, 1, "binary_kullback_leibler")


def test_an_unknown_class_is_named_with_those_that_there_are(beach: Index) -> None:
    for where in (Filter(classes=["moon"]), Filter(labels=["moon"])):
        with pytest.raises(InputError, match=r"unknown class 'moon'; known: sea, sunset, tree, \(none\)"):
            beach.ids(where)
