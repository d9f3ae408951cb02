"""How keypoints are stored."""

import numpy as np
import pytest

from kindred.features.keypoints import HEAD, MAX_BYTES, TOP, Keypoints, packed
from kindred.runtime.errors import InputError


def some(count: int, width: int = 128, side_px: int = 4000) -> Keypoints:
    rng = np.random.default_rng(0)
    points = (rng.random((count, 2)) * (side_px - 1)).astype(np.float32)
    return Keypoints(points, rng.integers(0, 256, (count, width), np.uint8), side_px)


@pytest.mark.parametrize("width", [32, 128])
def test_keypoints_are_read_as_they_were_stored(width: int) -> None:
    keypoints = some(10, width)

    read = Keypoints.from_bytes(keypoints.to_bytes())

    assert read.side_px == 4000
    assert read.points.dtype == np.float32
    np.testing.assert_array_equal(read.descriptors, keypoints.descriptors)
    np.testing.assert_allclose(read.points, keypoints.points, atol=0.04)  # half a step of 4,000 / 65,535


def test_stored_keypoints_are_stored_again_as_the_same_bytes() -> None:
    content = some(10).to_bytes()

    assert Keypoints.from_bytes(content).to_bytes() == content


def test_the_first_keypoints_are_stored_as_far_as_there_is_room() -> None:
    keypoints = some(1000)

    content = keypoints.to_bytes()

    assert MAX_BYTES - 132 < len(content) <= MAX_BYTES
    read = Keypoints.from_bytes(content)
    np.testing.assert_array_equal(read.descriptors, keypoints.descriptors[: len(read)])


def test_two_numbers_are_packed_in_a_byte() -> None:
    numbers = np.random.default_rng(0).integers(0, TOP + 1, (5, 8)).astype(np.uint8)

    descriptors = packed(numbers)

    assert descriptors.shape == (5, 4)
    order = [0, 2, 4, 6, 1, 3, 5, 7]
    read = Keypoints(np.zeros((5, 2), np.float32), descriptors, 9).numbers
    np.testing.assert_array_equal(read, numbers[:, order])


def test_no_keypoints_are_stored_too() -> None:
    read = Keypoints.from_bytes(some(0).to_bytes())

    assert len(read) == 0
    assert read.points.shape == (0, 2)
    assert read.descriptors.shape == (0, 128)


def test_other_bytes_are_refused() -> None:
    content = some(3).to_bytes()

    with pytest.raises(InputError, match="do not begin"):
        Keypoints.from_bytes(b"PNG")
    with pytest.raises(InputError, match="cut off: 131 bytes behind 2 keypoints"):
        Keypoints.from_bytes(content[:-1])
    assert len(content) == HEAD.size + 3 * 132
