"""What all local features promise."""

import cv2
import numpy as np
import pytest

from kindred.data import images
from kindred.features import keypoints as stored
from kindred.features.keypoints import Keypoints
from kindred.features.local_features import sift
from kindred.runtime import variants
from pictures import noise
from turned_pictures import textured

NAMES = variants.names("local_features")


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_has_points_inside_it_with_descriptors_of_the_size_it_says(name: str) -> None:
    module = variants.load("local_features", name)

    found = module.keypoints(textured(0)[:, :200])

    assert module.__doc__
    assert module.BINARY in (True, False)
    assert 50 < len(found) <= stored.capacity(module.BYTES)
    assert found.points.dtype == np.float32
    assert found.points.shape == (len(found), 2)
    assert found.descriptors.dtype == np.uint8
    assert found.descriptors.shape == (len(found), module.BYTES)
    assert found.side_px == 256
    assert (found.points.min(axis=0) >= 0).all()
    assert (found.points.max(axis=0) < [200, 256]).all()


@pytest.mark.parametrize("name", NAMES)
def test_the_same_pixels_have_the_same_keypoints_on_any_number_of_threads(name: str) -> None:
    module, picture = variants.load("local_features", name), textured(1)
    one = module.keypoints(picture).to_bytes()
    cv2.setNumThreads(4)

    assert module.keypoints(picture).to_bytes() == one
    assert len(one) <= stored.MAX_BYTES


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 5, 3), (70, 100, 3), (3, 2000, 1)], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_a_picture_of_one_colour_has_no_keypoints(name: str, shape: tuple) -> None:
    module = variants.load("local_features", name)

    found = module.keypoints(np.full(shape, 77, np.uint8))

    assert len(found) == 0
    assert found.descriptors.shape == (0, module.BYTES)
    assert len(Keypoints.from_bytes(found.to_bytes())) == 0


@pytest.mark.parametrize("name", NAMES)
def test_points_of_a_picture_that_is_shrunk_are_in_its_own_px(name: str) -> None:
    module, small = variants.load("local_features", name), textured(2, stored.MAX_SIDE_PX)
    large = images.fit(small, (2 * stored.MAX_SIDE_PX, 2 * stored.MAX_SIDE_PX), 1)

    one, other = module.keypoints(small), module.keypoints(large)

    expected = 2 * one.points + 0.5  # px are counted from the middle of the first one
    gaps = np.linalg.norm(expected[:, None] - other.points, axis=2).min(axis=1)
    assert np.median(gaps) < 1.5
    assert other.step_px == 2


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_in_colour_is_seen_in_grey(name: str) -> None:
    module, picture = variants.load("local_features", name), textured(3)

    in_grey, in_colour = module.keypoints(picture), module.keypoints(np.repeat(picture, 3, axis=2))

    assert in_grey.to_bytes() == in_colour.to_bytes()


def test_no_more_sift_keypoints_are_kept_than_are_stored() -> None:
    assert len(sift.keypoints(noise(500, 500, 1))) == stored.capacity(64)
