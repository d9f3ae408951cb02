"""The extractor sift_words, beyond what every extractor promises."""

import cv2
import numpy as np
import pytest

from extracting import features, noises, run
from kindred.features.extractors import sift_words
from kindred.features.featurize import Extractor

WORDS = np.zeros((3, sift_words.DIMENSIONS), np.float32)
WORDS[0, 0] = WORDS[1, 1] = WORDS[2, 2] = 1


def test_an_image_is_the_square_roots_of_the_shares_of_its_words() -> None:
    descriptors = np.zeros((2, 5, sift_words.DIMENSIONS), np.uint8)
    descriptors[0, [0, 1, 2], 1] = 200  # three places of the second word
    descriptors[0, 3, 2] = 9  # one of the third; the fifth place has no gradient

    rows = run(sift_words.words_graph(5, WORDS), descriptors)

    np.testing.assert_allclose(rows, np.sqrt([[0, 0.75, 0.25], [0, 0, 0]]), atol=1e-6)


def test_a_descriptor_counts_for_the_nearest_word() -> None:
    rng = np.random.default_rng(0)
    vocabulary = rng.random((7, sift_words.DIMENSIONS), np.float32) / 8
    descriptors = rng.integers(0, 256, (4, 30, sift_words.DIMENSIONS), np.uint8)

    rows = run(sift_words.words_graph(30, vocabulary), descriptors)

    roots = np.sqrt(descriptors / descriptors.sum(axis=2, keepdims=True))
    nearest = np.linalg.norm(roots[:, :, None] - vocabulary, axis=3).argmin(axis=2)
    expected = [np.bincount(one, minlength=7) / 30 for one in nearest]
    np.testing.assert_allclose(np.square(rows), expected, atol=1e-6)


def test_a_descriptor_is_of_its_place_and_of_the_direction_of_the_edge_there() -> None:
    edges = np.zeros((2, 96, 96, 1), np.uint8)
    edges[0, :, 48:] = edges[1, 48:] = 255  # the left half is black, and the upper one

    across, down = sift_words.local_features(edges).reshape(2, 24, 24, -1)

    assert not across[:, :9].any()
    assert across[:, 11].any(axis=1).all()
    assert across[12, 11].reshape(16, 8).sum(axis=0).argmax() == 0  # of eight directions: to the right
    assert down[11, 12].reshape(16, 8).sum(axis=0).argmax() in (2, 6)
    np.testing.assert_array_equal(across.any(axis=2), down.any(axis=2).T)


def test_descriptors_are_the_same_on_any_number_of_threads() -> None:
    images = noises(96, 96, 1, count=2)
    cv2.setNumThreads(4)

    descriptors = sift_words.local_features(images)

    assert cv2.getNumThreads() == 1
    np.testing.assert_array_equal(descriptors, sift_words.local_features(images))


@pytest.mark.parametrize("count", [1, 3])
def test_a_vocabulary_has_no_more_words_than_there_are_descriptors(count: int) -> None:
    descriptors = np.eye(count, sift_words.DIMENSIONS, dtype=np.uint8) * 50

    words = sift_words.learn(descriptors)

    assert words.shape == (count, sift_words.DIMENSIONS)
    np.testing.assert_allclose(words.sum(axis=1), 1, atol=1e-6)


def test_images_of_any_size_and_colour_are_seen_in_grey_at_one_size() -> None:
    assert features("sift_words", noises(20, 30, 3, count=2)).shape == features("sift_words", noises(9, 9, 1, 2)).shape


def test_its_graph_is_not_the_whole_way_from_images() -> None:
    ways = {"graph": "sift_words-1.onnx", "height": 96, "width": 96, "channels": 1, "fingerprint": "1"}

    assert not Extractor("sift_words", local_features=True, **ways).is_one_graph
    assert Extractor("eigenfaces", **ways).is_one_graph
    assert not Extractor("hog", **{**ways, "graph": None}).is_one_graph
