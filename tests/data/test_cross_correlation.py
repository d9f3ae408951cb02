"""Edited copies are nearest to their originals, other pictures are far."""

import numpy as np
import pytest

from kindred.data.cross_correlation import match
from kindred.data.image_edits import EDITS
from pictures import grey_array, scene


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_picture_is_nearest_to_the_one_it_was_made_of(name: str) -> None:
    pictures = [scene(seed) for seed in range(20)]
    edited = [EDITS[name](picture, 0.5) for picture in pictures]

    rows, distance = match(grey_array(edited), grey_array(pictures), threads=1)

    assert rows.tolist() == list(range(20))
    assert distance.max() < 0.02


def test_another_picture_is_far() -> None:
    _, distance = match(
        grey_array([scene(seed) for seed in range(20)]), grey_array([scene(seed) for seed in range(50, 70)]), threads=1
    )

    assert distance.min() > 0.1


def test_a_picture_of_one_colour_has_no_near_duplicate() -> None:
    flat = np.full((64, 64, 1), 7, np.uint8)

    _, distance = match(grey_array([flat, flat]), grey_array([scene(0), flat]), threads=1)

    assert distance.tolist() == pytest.approx([1, 1], abs=1e-3)
