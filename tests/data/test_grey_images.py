"""Small grey images, and their edits, from Spark's workers and from this process."""

import numpy as np
import pyarrow as pa
import pytest

from kindred.data import grey_images as grey_images_module
from kindred.data.grey_images import SIDE, grey_images
from kindred.data.image_edits import EDITS
from pictures import encoded, grey_array, scene

ROWS = [("00" * 16, "test"), ("ff" * 16, "test"), ("11" * 16, "train")]
COUNTS = {"train": 1, "test": 2, "unlabeled": 0}


@pytest.mark.spark
def test_images_become_small_and_grey_and_some_are_edited_in_the_workers(spark) -> None:
    content = encoded(np.repeat(scene(3), 3, axis=2))
    rows = [(*row, content) for row in ROWS]
    frame = spark.createDataFrame(rows, "image_id string, split string, content binary")

    small = grey_images(frame, COUNTS)

    assert small.ids.tolist() == ["00" * 16] * 5 + ["ff" * 16] * 5 + ["11" * 16]
    assert set(small.edit) == {"", *EDITS}
    assert small.pixels.shape == (11, SIDE, SIDE)
    assert (small.pixels[small.edit == ""] == grey_array([scene(3)])[0]).all()


def test_a_table_in_memory_gives_the_same_without_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    content = encoded(np.repeat(scene(3), 3, axis=2))
    table = pa.Table.from_pylist([{"image_id": i, "split": split, "content": content} for i, split in ROWS])

    small = grey_images(table, COUNTS)
    monkeypatch.setattr(grey_images_module, "MAX_IMAGES_PER_SPLIT", 1)
    fewer = grey_images(table, COUNTS)

    assert small.ids.tolist() == ["00" * 16] * 5 + ["ff" * 16] * 5 + ["11" * 16]
    assert set(small.edit) == {"", *EDITS}
    assert (small.pixels[small.edit == ""] == grey_array([scene(3)])[0]).all()
    assert set(fewer.ids) == {"00" * 16, "11" * 16}  # the half of the ids
