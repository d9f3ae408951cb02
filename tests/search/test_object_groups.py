"""Groups of images that show the same thing."""

import numpy as np
import pytest

from kindred.features import neighbours
from kindred.features.keypoints import Keypoints
from kindred.features.local_features import sift
from kindred.search import object_groups
from kindred.search.reranking import ALONE, MIN_INLIERS, Gallery
from turned_pictures import at, gallery_at, textured, turned


def quiet(line: str) -> None:
    pass


def test_each_image_is_compared_with_its_nearest_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_groups, "COMPARED", 1)

    assert object_groups.candidate_pairs(at(0, 10, 50, 55), threads=1).tolist() == [[0, 1], [2, 3]]
    assert object_groups.candidate_pairs(at(0), threads=1).tolist() == []


def test_of_many_images_almost_all_near_pairs_are_found_too(monkeypatch: pytest.MonkeyPatch) -> None:
    points = np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32)
    vectors = points / np.linalg.norm(points, axis=1, keepdims=True)
    exact = set(map(tuple, object_groups.candidate_pairs(vectors, threads=1)))
    monkeypatch.setattr(neighbours, "EXACT_IMAGES", 100)

    approximate = set(map(tuple, object_groups.candidate_pairs(vectors, threads=1)))

    assert len(exact & approximate) > 0.9 * len(exact)


def test_unlikely_pairs_are_of_opposite_sides_and_a_small_gallery_has_none() -> None:
    vectors = at(*np.linspace(0, 359, 200))

    pairs = object_groups.unlikely_pairs(vectors)

    assert len(pairs) == 200
    assert ((vectors[pairs[:, 0]] * vectors[pairs[:, 1]]).sum(axis=1) < -0.99).all()
    assert object_groups.unlikely_pairs(at(0, 180)).tolist() == []


def test_the_same_thing_has_many_inliers_and_an_image_without_keypoints_none() -> None:
    seen, _ = turned(textured(0), 20, 0.9)
    nothing = Keypoints(np.empty((0, 2), np.float32), np.empty((0, sift.BYTES), np.uint8), 9)
    keypoints = {0: sift.keypoints(textured(0)), 1: sift.keypoints(seen), 2: sift.keypoints(textured(1)), 3: nothing}
    gallery = gallery_at(0, 1, 2, 3, keypoints=keypoints)

    counts = object_groups.inliers(gallery, np.array([[0, 1], [0, 2], [0, 3]]), 2, quiet)

    assert counts[0] > 3 * MIN_INLIERS
    assert counts[1] < MIN_INLIERS
    assert counts[2] == 0


def test_long_work_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_groups, "BLOCK_PAIRS", 2)
    lines: list[str] = []

    object_groups.inliers(Gallery(at(0, 1)), np.array([[0, 1]] * 5), 1, lines.append)

    assert lines == ["2 of 5 pairs are compared", "4 of 5 pairs are compared"]


def test_a_frame_that_all_pictures_share_raises_the_threshold() -> None:
    assert object_groups.threshold(np.array([], int)) == MIN_INLIERS
    assert object_groups.threshold(np.array([3] * 200 + [40])) == MIN_INLIERS  # one pair of the same thing after all
    assert object_groups.threshold(np.array([25] * 200)) == 26


def test_no_links_are_no_groups() -> None:
    assert object_groups.groups(3, np.empty((0, 2), int)).tolist() == [ALONE] * 3
    assert object_groups.groups(0, np.empty((0, 2), int)).tolist() == []
