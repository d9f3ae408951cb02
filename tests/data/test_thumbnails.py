"""Thumbnails of chosen images, from a table in memory."""

import numpy as np
import pyarrow as pa

from kindred.data import images
from kindred.data.thumbnails import thumbnails


def test_thumbnails_are_the_middles_of_the_images_that_are_asked_for() -> None:
    wide = np.zeros((8, 16, 3), np.uint8)
    wide[:, 4:12] = (200, 100, 50)
    table = pa.table({"image_id": ["a", "b"], "content": [images.encode(wide), images.encode(wide[:, :2])]})

    cut = thumbnails(table, ["a", "a", "nowhere"], 4)

    assert list(cut) == ["a"]
    assert (cut["a"] == (200, 100, 50)).all()
    assert cut["a"].shape == (4, 4, 3)
