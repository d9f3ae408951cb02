"""The task of the extractor rotation."""

import numpy as np

from extracting import noises
from kindred.features.extractors import rotation


def test_each_square_is_turned_as_often_as_its_answer_says() -> None:
    images = noises(8, 8, 3, count=40)

    squares, turns = rotation.make_batch(images, np.arange(40), np.random.default_rng(0))

    assert set(turns) == {0, 1, 2, 3}
    for image, square, count in zip(images, squares, turns, strict=True):
        np.testing.assert_array_equal(square, np.rot90(image, count))


def test_squares_are_from_anywhere_in_an_image_that_is_none() -> None:
    image = np.tile(np.arange(12, dtype=np.uint8)[None, :, None], (5, 1, 1))  # each column has its number

    squares, turns = rotation.make_batch(np.stack([image] * 200), np.arange(200), np.random.default_rng(0))

    lefts = {int(np.rot90(square, -turn)[0, 0, 0]) for square, turn in zip(squares, turns, strict=True)}
    assert squares.shape == (200, 5, 5, 1)
    assert lefts == set(range(8))
