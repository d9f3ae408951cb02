"""Rows of raw images, as a dataset gives them: their schema, and how one big file becomes many rows in the workers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from kindred.runtime import partitioning

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame, SparkSession

# content is an encoded file where height is null, else raw uint8 values, row-major [height, width, channels].
# Where content is null, the worker reads the file `origin`. An origin is unique, and origins sort as the images do.
SCHEMA = "split string, origin string, label string, height int, width int, channels int, content binary, reason string"
COLUMNS = [column.split()[0] for column in SCHEMA.split(", ")]
CONTENT = COLUMNS.index("content")
ROWS_PER_FRAME = 256  # rows of a slice, at most, that are handed to Spark at once: fewer where they are big

Slice = tuple[str, int, int]  # images of one file: its URI, the first image, one past the last
Loader = Callable[[str, int, int], Iterable[tuple[Any, ...]]]  # the images of a slice as rows of SCHEMA


def slices(uri: str, count: int, size: int) -> list[Slice]:
    """The slices of a file of `count` images, `size` images each.

    >>> slices("file:///images.bin", 5, 2)
    [('file:///images.bin', 0, 2), ('file:///images.bin', 2, 4), ('file:///images.bin', 4, 5)]
    """
    return [(uri, start, min(start + size, count)) for start in range(0, count, size)]


def read_slices(spark: SparkSession, parts: Sequence[Slice], load: Loader) -> DataFrame:
    """The images of all slices as rows of SCHEMA: `load` makes those of each slice in a Spark task of its own."""
    if not parts:
        return spark.createDataFrame([], SCHEMA)
    tasks = spark.sparkContext.parallelize(list(parts), len(parts))
    frame = spark.createDataFrame(tasks, "uri string, start int, stop int")
    return frame.mapInPandas(functools.partial(_load_slices, load, partitioning.batch_bytes()), SCHEMA)


def _load_slices(load: Loader, max_bytes: int, frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    import pandas as pd  # half a second, which the list of a folder does without

    def size(row: tuple[Any, ...]) -> int:
        return max(len(row[CONTENT] or b""), max_bytes // ROWS_PER_FRAME)

    for frame in frames:
        for uri, start, stop in zip(frame["uri"], frame["start"], frame["stop"], strict=True):
            for rows in partitioning.batches(load(uri, start, stop), size, max_bytes):
                yield pd.DataFrame(rows, columns=COLUMNS)
