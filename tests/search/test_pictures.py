"""The pictures of an index are small."""

import numpy as np

import pictures as tiny
from kindred.data import images
from kindred.search import pictures


def test_large_images_are_shrunk_and_small_ones_stay_as_they_are() -> None:
    large, little = tiny.encoded(tiny.smooth(600, 300, 3)), tiny.encoded(tiny.smooth(256, 40, 1))

    shrunk = images.decode(pictures.small(large, 600, 300))

    assert shrunk.shape == (256, 128, 3)
    assert np.abs(shrunk.astype(int) - images.fit(tiny.smooth(600, 300, 3), (256, 128), 3)).mean() < 3
    assert pictures.small(little, 256, 40) is little
