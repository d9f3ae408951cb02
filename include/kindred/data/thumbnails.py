"""Small pictures of chosen images, for people: cut in the workers, so that no big image travels, or here."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kindred.data import images

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

MAX_SIDE_PX = 64
COLUMNS = {"image_id": pa.string(), "pixels": pa.binary()}


def side(height: int | None, width: int | None) -> int:
    """The side in pixels of thumbnails for a dataset's common size (None: mixed); small images are not enlarged.

    >>> side(28, 28), side(96, 96), side(None, None)
    (28, 64, 64)
    """
    return min(MAX_SIDE_PX, height or MAX_SIDE_PX, width or MAX_SIDE_PX)


def middle_square(pixels: np.ndarray, side: int) -> np.ndarray:
    """The middle square of a picture, resized: uint8 [side, side, 3].

    >>> middle_square(np.zeros((40, 60, 1), np.uint8), 16).shape
    (16, 16, 3)
    """
    height, width = pixels.shape[:2]
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    return images.fit(pixels[top : top + edge, left : left + edge], (side, side), 3)


def thumbnails(table: DataFrame | pa.Table, ids: Iterable[str], side: int) -> dict[str, np.ndarray]:
    """The middle squares, uint8 [side, side, 3], of the images with these ids in the table `images`, by id."""
    chosen, cut = sorted(set(ids)), functools.partial(_cut, side)
    if isinstance(table, pa.Table):
        contents = table.filter(pc.field("image_id").isin(chosen)).select(["image_id", "content"])
        rows = pa.Table.from_batches(cut(contents.to_batches()), pa.schema(COLUMNS))
    else:
        rows = _contents(table, chosen).mapInArrow(cut, "image_id string, pixels binary").toArrow()
    return {row["image_id"]: np.frombuffer(row["pixels"], np.uint8).reshape(side, side, 3) for row in rows.to_pylist()}


def _contents(frame: DataFrame, ids: list[str]) -> DataFrame:
    """The files of these images."""
    from pyspark.sql import functions as F

    chosen = frame.sparkSession.createDataFrame([(image_id,) for image_id in ids], "image_id string")
    return frame.select("image_id", "content").join(F.broadcast(chosen), "image_id", how="left_semi")


def _cut(side: int, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        squares = [middle_square(images.decode(content), side).tobytes() for content in batch["content"].to_pylist()]
        yield pa.RecordBatch.from_arrays([batch["image_id"], pa.array(squares, pa.binary())], ["image_id", "pixels"])
