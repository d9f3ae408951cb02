"""Images in Parquet files: a column `image` (encoded bytes, or a struct with `bytes`) or `pixels` (nested uint8 values
[h, w] or [h, w, 3]), and, where they are known, `label` and `split`. `path` is a file or a folder of files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from kindred.data import images, raw_images
from kindred.data.sources import Source, existing_uri, source_of
from kindred.runtime import storage
from kindred.runtime.errors import InputError
from kindred.runtime.tables import SPLITS

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

SPLIT_NAMES = {"train": "train", "test": "test", "unlabeled": "unlabeled", "unlabelled": "unlabeled"}


def sources(path: str, say: Callable[[str], None]) -> list[Source]:
    if not path:
        raise InputError("dataset parquet needs a path: a Parquet file, or a folder of them")
    root = existing_uri(path)
    fs, inside = storage.filesystem(root)
    infos = fs.find(inside, detail=True) if fs.isdir(inside) else {inside: fs.info(inside)}
    files = [source_of(fs, info) for name, info in infos.items() if name.endswith((".parquet", ".pq"))]
    if not files:
        raise InputError(f"no .parquet file in {storage.local(root)}")
    return sorted(files)


def read(spark: SparkSession, sources: Sequence[Source], limit: int | None) -> DataFrame:
    from pyspark.errors import PySparkException
    from pyspark.sql import functions as F

    uris = [file.uri for file in sources]
    for uri in uris:
        _check(uri)
    try:
        frame = spark.read.parquet(*uris)
    except PySparkException as error:
        raise InputError(f"cannot read {storage.local(uris[0])}: {str(error).splitlines()[0][:200]}") from None
    types = dict(frame.dtypes)
    label = F.col("label").cast("string") if "label" in types else F.lit(None).cast("string")
    split = F.col("split") if "split" in types else F.when(label.isNull(), "unlabeled").otherwise("train")
    origin = F.format_string("%s#%012d", F.col("_metadata.file_path"), F.col("_metadata.row_index"))
    image = _image(types, uris[0]).alias("image")
    rows = frame.select(split.alias("split"), origin.alias("origin"), label.alias("label"), image)
    _check_splits(rows, uris[0])
    rows = rows.replace("unlabelled", "unlabeled", ["split"])
    if limit:
        rows = _first_of_each_split(rows, limit)
    if "image" in types:
        nulls = [F.lit(None).cast("int").alias(name) for name in ("height", "width", "channels")]
        content = F.coalesce("image", F.lit(b"")).alias("content")
        return rows.select("split", "origin", "label", *nulls, content, F.lit(None).cast("string").alias("reason"))
    return rows.mapInPandas(_from_arrays, raw_images.SCHEMA)


def _image(types: dict[str, str], uri: str) -> Column:
    """The column of encoded files or, where there is none, of pixels as JSON text. Raises InputError without either."""
    from pyspark.sql import functions as F

    if types.get("image", "").startswith("struct") and "bytes:binary" in types["image"]:
        return F.col("image.bytes")
    if types.get("image") == "binary":
        return F.col("image")
    if not types.get("pixels", "").startswith("array"):
        raise InputError(f"{storage.local(uri)} needs a column image (binary) or pixels (arrays); it has: {types}")
    # Nested arrays cross to Python as lists of lists: as JSON text they keep their shape, whatever their depth.
    return F.encode(F.to_json("pixels"), "utf-8")


def _check_splits(rows: DataFrame, uri: str) -> None:
    unknown = [row[0] for row in rows.select("split").distinct().limit(9).collect() if row[0] not in SPLIT_NAMES]
    if unknown:
        raise InputError(f"unknown split {unknown[0]!r} in {storage.local(uri)}; known: {', '.join(SPLITS)}")


def _first_of_each_split(rows: DataFrame, limit: int) -> DataFrame:
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    rank = F.row_number().over(Window.partitionBy("split").orderBy("origin"))
    return rows.withColumn("rank", rank).where(F.col("rank") <= limit).drop("rank")


def _check(uri: str) -> None:
    """Raise InputError for a file that is no Parquet, before Spark answers with a stack of its own."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    fs, inside = storage.filesystem(uri)
    try:
        with fs.open(inside, "rb") as file:
            pq.ParquetFile(file)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{storage.local(uri)} is truncated or not a Parquet file: {error}") from None


def _from_arrays(frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Rows of split, origin, label and pixels as JSON text -> raw images, in a worker."""
    for frame in frames:
        rows = [_from_array(*row) for row in frame.itertuples(index=False, name=None)]
        yield pd.DataFrame(rows, columns=raw_images.COLUMNS)


def _from_array(split: str, origin: str, label: str | None, text: bytes | None) -> tuple[Any, ...]:
    try:
        array = np.array(json.loads(text or b"[]"))
        if array.dtype.kind not in "iu" or array.size == 0 or array.min() < 0 or array.max() > 255:
            raise images.ImageError("pixels must be whole numbers from 0 to 255")
        pixels = images.from_array(array.astype(np.uint8))
    except (images.ImageError, ValueError) as error:
        return split, origin, label, None, None, None, None, str(error)
    return split, origin, label, *pixels.shape, pixels.tobytes(), None
