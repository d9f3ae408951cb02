"""The task of the extractor jigsaw."""

import numpy as np
import pytest

from extracting import noises
from kindred.features.extractors import jigsaw


def test_orders_are_permutations_of_which_two_agree_in_one_place_at_most() -> None:
    orders = jigsaw.orders()
    agreements = (orders[:, None] == orders).sum(axis=2)

    assert orders.shape == (64, 9)
    assert (np.sort(orders, axis=1) == np.arange(9)).all()
    assert agreements[~np.eye(64, dtype=bool)].max() == 1


@pytest.mark.parametrize(("height", "width", "patch"), [(8, 8, (2, 2)), (28, 28, (8, 8)), (48, 30, (14, 9))])
def test_patches_are_from_the_cells_in_the_order_that_is_the_answer(height: int, width: int, patch: tuple) -> None:
    rows, columns = (np.minimum(np.arange(side) // (side // 3), 2) for side in (height, width))
    image = (3 * rows[:, None] + columns).astype(np.uint8)  # each place has the number of its cell
    images = np.stack([image[:, :, None]] * 30)

    patches, numbers = jigsaw.make_batch(images, np.arange(30), np.random.default_rng(0))

    assert patches.shape == (30, 9, *patch, 1)
    assert len(set(numbers)) > 15
    expected = jigsaw.orders()[numbers]
    np.testing.assert_array_equal(patches, np.broadcast_to(expected[:, :, None, None, None], patches.shape))


def test_patches_are_from_anywhere_in_their_cells() -> None:
    images = noises(48, 48, 1, count=1).repeat(100, axis=0)

    patches, numbers = jigsaw.make_batch(images, np.arange(100), np.random.default_rng(0))

    first = {part[list(jigsaw.orders()[n]).index(0)].tobytes() for part, n in zip(patches, numbers, strict=True)}
    assert len(first) == 9  # cells of 16 px, patches of 14 px
