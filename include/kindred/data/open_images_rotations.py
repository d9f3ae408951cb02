"""By how much images of Open Images have to be turned, and the turned files."""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kindred.data import image_files, images, orientation, raw_images
from kindred.data.image_error import ImageError
from kindred.data.open_images_files import Rotations
from kindred.runtime import partitioning, storage
from kindred.runtime.errors import InputError
from kindred.runtime.log_lines import one_line

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame, SparkSession

IMAGE, ROTATION = ("ImageID", "Rotation")  # the columns that are read, of 12
ORIENTATIONS = {90: 8, 180: 3, 270: 6}  # of EXIF, by degrees counterclockwise
BLOCK_BYTES = 2**24  # of a table that is read at once: that of the training images has 3 GB
JPEG = b"\xff\xd8"
MAX_SHOWN = 200  # characters of an error


def read(table: Rotations, wanted: Collection[str]) -> dict[str, int]:
    """The degrees, counterclockwise, by which images have to be turned; those that lie well, and those of which it is
    not known, are not there. Raises InputError for a table without the two columns, and for other degrees.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv

    path, ids = one_line(storage.local(table.file.uri)), pa.array(sorted(wanted), pa.string())
    types = dict.fromkeys((IMAGE, ROTATION), pa.string())
    convert = csv.ConvertOptions(column_types=types, include_columns=[IMAGE, ROTATION], strings_can_be_null=True)
    titles = csv.ParseOptions(newlines_in_values=True)
    fs, inside = storage.filesystem(table.file.uri)
    degrees: dict[str, int] = {}
    try:
        with fs.open(inside, "rb") as file:
            for batch in csv.open_csv(file, csv.ReadOptions(block_size=BLOCK_BYTES), titles, convert):
                turned = batch.filter(pc.and_(pc.is_in(batch[IMAGE], ids), pc.is_valid(batch[ROTATION])))
                for image, text in zip(turned[IMAGE].to_pylist(), turned[ROTATION].to_pylist(), strict=True):
                    degrees[image] = _degrees(text, image, path)
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        reason = one_line(str(error))[:MAX_SHOWN]
        raise InputError(f"{path} must be a CSV file with the columns {IMAGE} and {ROTATION}: {reason}") from None
    return {image: value for image, value in degrees.items() if value}


def _degrees(text: str, image: str, path: str) -> int:
    try:
        value = float(text) % 360
    except ValueError:
        value = -1
    if value not in (0, *ORIENTATIONS):
        raise InputError(f"{path}: Rotation of {image} must be 0, 90, 180, 270 or empty, not {text!r:.50}")
    return int(value)


def turned(content: bytes, degrees: int) -> tuple[bytes, tuple[int, ...] | None]:
    """A file turned counterclockwise by 90, 180 or 270 degrees, whatever its own EXIF says: a JPEG with another EXIF
    before its own, any other as raw values with their shape (None: an encoded file). Raises ImageError for one that
    gives no picture.
    """
    if content.startswith(JPEG):
        return _with_orientation(content, ORIENTATIONS[degrees]), None
    pixels = np.ascontiguousarray(np.rot90(images.decode(content), degrees // 90))
    return pixels.tobytes(), pixels.shape


def _with_orientation(jpeg: bytes, value: int) -> bytes:
    """A JPEG whose first segment is an EXIF with nothing but an orientation (TIFF 6.0, section 2)."""
    tiff = b"MM" + struct.pack(">HIHHHIHHI", 42, 8, 1, orientation.TAG, 3, 1, value, 0, 0)
    exif = orientation.PREFIX + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]


def read_turned(spark: SparkSession, rows: Sequence[tuple[str, str, str | None, int]]) -> DataFrame:
    """Images to turn (split, URI, label, degrees) as rows of `raw_images.SCHEMA`, read and turned in the workers."""
    tasks = spark.sparkContext.parallelize(list(rows), partitioning.tasks(spark, len(rows)))
    frame = spark.createDataFrame(tasks, "split string, origin string, label string, degrees int")
    return frame.mapInPandas(functools.partial(_turn, partitioning.batch_bytes()), raw_images.SCHEMA)


def _turn(max_bytes: int, frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    import pandas as pd

    for frame in frames:
        files = image_files.read_ahead(frame["origin"])
        rows = (_row(row, file) for row, file in zip(frame.itertuples(index=False), files, strict=True))
        for batch in partitioning.batches(rows, lambda row: len(row[raw_images.CONTENT] or b""), max_bytes):
            yield pd.DataFrame(batch, columns=raw_images.COLUMNS)


def _row(image: Any, file: Callable[[], bytes]) -> tuple[Any, ...]:
    head = (image.split, image.origin, image.label)
    try:
        content, shape = turned(file(), image.degrees)
    except ImageError as error:
        return (*head, None, None, None, None, str(error))
    return (*head, *(shape or (None, None, None)), content, None)
