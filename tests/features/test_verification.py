"""Geometric verification of two pictures."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from kindred.features import verification
from kindred.features.keypoints import Keypoints
from kindred.features.verification import verify
from kindred.runtime import variants
from turned_pictures import moved, no_keypoints, textured, turned

NAMES = variants.names("local_features")
WITHIN_PX = {"sift": 2, "orb": 2, "surf": 10}
INLIERS = {"sift": 30, "orb": 30, "surf": 8}  # mahotas finds fewer of its keypoints again in a turned picture
CORNERS = np.array([[60, 60], [60, 195], [195, 60], [195, 195]])


def at_points(points: np.ndarray, side_px: int = 256) -> Keypoints:
    """Keypoints at points [n, 2] that are known by their descriptors: random bytes, the same for each row."""
    descriptors = np.random.default_rng(0).integers(0, 256, (len(points), 128), np.uint8)
    return Keypoints(np.asarray(points, np.float32), descriptors, side_px)


def scattered(count: int = 40) -> np.ndarray:
    return np.random.default_rng(1).random((count, 2)) * 255


@pytest.mark.parametrize("name", NAMES)
def test_the_homography_of_a_turned_and_scaled_picture_is_found(name: str) -> None:
    local, picture = variants.load("local_features", name), textured(0)
    seen, homography = turned(picture, 30, 0.8)

    verified = verify(local.keypoints(picture), local.keypoints(seen), local.BINARY)

    assert verified.homography is not None
    assert verified.inliers == len(verified.pairs) > INLIERS[name]
    gaps = np.linalg.norm(moved(verified.homography, CORNERS) - moved(homography, CORNERS), axis=1)
    assert gaps.max() < WITHIN_PX[name]


@pytest.mark.parametrize("name", NAMES)
def test_pictures_of_different_things_have_few_inliers(name: str) -> None:
    local = variants.load("local_features", name)
    one, *others = (local.keypoints(textured(seed)) for seed in range(6))

    assert max(verify(one, other, local.BINARY).inliers for other in others) < 8


def test_inliers_are_pairs_of_rows_that_the_homography_brings_together() -> None:
    points = scattered()
    one, other = at_points(points), at_points(points + [10, 20])

    verified = verify(one, other, binary=False)

    assert verified.inliers == 40
    np.testing.assert_array_equal(verified.pairs[:, 0], verified.pairs[:, 1])
    np.testing.assert_allclose(
        verified.homography / verified.homography[2, 2], [[1, 0, 10], [0, 1, 20], [0, 0, 1]], atol=1e-3
    )


def test_a_mirrored_picture_is_not_verified() -> None:
    points = scattered()

    assert verify(at_points(points), at_points([256, 0] + points * [-1, 1]), binary=False).inliers == 0


@pytest.mark.parametrize("stretch", [[0.05, 0.05], [1, 0.1], [0, 1], [0, 0]], ids=str)
def test_a_picture_that_is_collapsed_is_not_verified(stretch: list[float]) -> None:
    points = scattered()

    verified = verify(at_points(points), at_points(points * stretch), binary=False)

    assert verified.inliers == 0
    assert verified.homography is None
    assert verified.pairs.shape == (0, 2)


def test_a_large_picture_is_compared_with_a_small_one() -> None:
    points = scattered()

    assert verify(at_points(points), at_points(points * 16, 4096), binary=False).inliers == 40


@pytest.mark.parametrize("count", [0, 1, 3])
def test_with_fewer_than_four_keypoints_nothing_is_verified(count: int) -> None:
    few, many = at_points(scattered(count)), at_points(scattered())

    assert [verify(few, many, False).inliers, verify(many, few, False).inliers, verify(few, few, False).inliers] == [
        0
    ] * 3
    assert verify(no_keypoints(), no_keypoints(), binary=False).inliers == 0


def test_alike_descriptors_are_no_pairs() -> None:
    alike = Keypoints(scattered().astype(np.float32), np.full((40, 128), 9, np.uint8), 256)

    assert verify(alike, alike, binary=False).inliers == 0


def test_a_pair_is_clearly_nearer_than_the_second_nearest_each_way() -> None:
    one, other = (
        Keypoints(np.zeros((3, 2), np.float32), np.array(values, np.uint8)[:, None], 9)
        for values in ([0, 3, 15], [1, 14, 9])
    )

    both_ways = verification.tentative_pairs(one, other, binary=False, ratio=0.8, mutual=True)
    one_way = verification.tentative_pairs(one, other, binary=False, ratio=0.8, mutual=False)

    assert both_ways.tolist() == [[0, 0], [2, 1]]
    assert one_way.tolist() == [[0, 0], [1, 0], [2, 1]]


def test_the_answer_is_the_same_again_and_in_threads() -> None:
    local = variants.load("local_features", "sift")
    seen, _ = turned(textured(0), 60, 0.6)
    pair = local.keypoints(textured(0)), local.keypoints(seen)

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: verify(*pair, binary=False), range(12)))

    assert answers[0].inliers > 10
    for answer in answers[1:]:
        np.testing.assert_array_equal(answer.pairs, answers[0].pairs)
        np.testing.assert_array_equal(answer.homography, answers[0].homography)
