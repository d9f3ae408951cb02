"""Small grey images, and their edits, from Spark's workers."""

import numpy as np
import pytest

from kindred.data.grey_images import SIDE, grey_images
from kindred.data.image_edits import EDITS
from pictures import encoded, grey_array, scene


@pytest.mark.spark
def test_images_become_small_and_grey_and_some_are_edited_in_the_workers(spark) -> None:
    content = encoded(np.repeat(scene(3), 3, axis=2))
    rows = [("00" * 16, "test", content), ("ff" * 16, "test", content), ("11" * 16, "train", content)]
    frame = spark.createDataFrame(rows, "image_id string, split string, content binary")

    small = grey_images(frame, {"train": 1, "test": 2, "unlabeled": 0})

    assert small.ids.tolist() == ["00" * 16] * 5 + ["ff" * 16] * 5 + ["11" * 16]
    assert set(small.edit) == {"", *EDITS}
    assert small.pixels.shape == (11, SIDE, SIDE)
    assert (small.pixels[small.edit == ""] == grey_array([scene(3)])[0]).all()
