"""Raw images -> decoded ones: pixels hashed to an id and stored as a file, or the reason why there are none."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from kindred.data import image_files, images
from kindred.runtime import partitioning

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

SCHEMA = (
    "split string, origin string, label string, image_id string, height int, width int, channels int, "
    "content binary, reason string"
)
COLUMNS = [column.split()[0] for column in SCHEMA.split(", ")]
CONTENT = COLUMNS.index("content")


def decode(raw: DataFrame) -> DataFrame:
    """Rows of `raw_images.SCHEMA` as rows of SCHEMA, kept on the disk of the workers until they are released."""
    from pyspark import StorageLevel

    worker = functools.partial(decode_batches, partitioning.batch_bytes())
    return raw.mapInPandas(worker, SCHEMA).persist(StorageLevel.DISK_ONLY)


def decode_batches(max_bytes: int, frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """The same in a worker, about `max_bytes` at a time: a frame may name hundreds of photographs."""
    for frame in frames:
        rows: list[Any] = list(frame.itertuples(index=False))
        with contextlib.closing(image_files.read_ahead(row.origin for row in rows if _in_a_file(row))) as readers:
            decoded = (_decode(row, next(readers) if _in_a_file(row) else None) for row in rows)
            for batch in partitioning.batches(decoded, _stored_bytes, max_bytes):
                yield pd.DataFrame(batch, columns=COLUMNS)


def _in_a_file(row: Any) -> bool:
    """Whether a raw image only names its file."""
    return row.content is None and row.reason is None


def _decode(row: Any, read: Callable[[], bytes] | None) -> tuple[Any, ...]:
    head = (row.split, row.origin, row.label)
    if row.reason is not None:
        return (*head, None, None, None, None, None, row.reason)
    try:
        if not pd.isna(row.height):
            shape = (int(row.height), int(row.width), int(row.channels))
            values = np.frombuffer(row.content, np.uint8)
            if values.size != np.prod(shape):
                raise images.ImageError(f"{values.size:,} values do not make an image of {' x '.join(map(str, shape))}")
            pixels = images.from_array(values.reshape(shape))
            content = images.encode(pixels)
        else:
            pixels, content = images.decode_and_keep(row.content if read is None else read())
    except images.ImageError as error:
        return (*head, None, None, None, None, None, str(error))
    return (*head, images.image_id(pixels), *pixels.shape, content, None)


def _stored_bytes(row: tuple[Any, ...]) -> int:
    return len(row[CONTENT] or b"")
