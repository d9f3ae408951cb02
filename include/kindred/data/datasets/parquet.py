"""Images in Parquet files: a column `image` (encoded bytes, or a struct with `bytes`) or `pixels` (nested uint8 values
[h, w] or [h, w, 3]), and, where they are known, `label` and `split`. `path` is a file or a folder of files.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from kindred.data import images
from kindred.data.datasets import COLUMNS, RAW, Source, as_source, place
from kindred.runtime import storage
from kindred.runtime.errors import InputError
from kindred.runtime.tables import SPLITS

SPLIT_NAMES = {"train": "train", "test": "test", "unlabeled": "unlabeled", "unlabelled": "unlabeled"}


def sources(path: str, say: Callable[[str], None]) -> list[Source]:
    if not path:
        raise InputError("dataset parquet needs a path: a Parquet file, or a folder of them")
    root = place(path)
    fs, inside = storage.filesystem(root)
    found = fs.find(inside, detail=True) if fs.isdir(inside) else {inside: fs.info(inside)}
    files = [as_source(fs, info) for name, info in found.items() if name.endswith((".parquet", ".pq"))]
    if not files:
        raise InputError(f"no .parquet file in {storage.local(root)}")
    return sorted(files)


def read(spark: Any, sources: list[Source], limit: int | None) -> Any:
    from pyspark.errors import PySparkException
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    uris = [file.uri for file in sources]
    for uri in uris:
        _check(uri)
    try:
        frame = spark.read.parquet(*uris)
    except PySparkException as error:
        raise InputError(f"cannot read {storage.local(uris[0])}: {str(error).splitlines()[0][:200]}") from None
    types = dict(frame.dtypes)
    if types.get("image", "").startswith("struct") and "bytes:binary" in types["image"]:
        frame = frame.withColumn("image", F.col("image.bytes"))
    elif types.get("image") != "binary" and not types.get("pixels", "").startswith("array"):
        raise InputError(f"{storage.local(uris[0])} needs a column image (binary) or pixels (arrays); it has: {types}")
    if "image" not in types:
        # Nested arrays cross to Python as lists of lists: as JSON text they keep their shape, whatever their depth.
        frame = frame.withColumn("image", F.encode(F.to_json("pixels"), "utf-8"))
    label = F.col("label").cast("string") if "label" in types else F.lit(None).cast("string")
    split = F.col("split") if "split" in types else F.when(label.isNull(), "unlabeled").otherwise("train")
    place_in_file = F.format_string("%s#%012d", F.col("_metadata.file_path"), F.col("_metadata.row_index"))
    frame = frame.select(split.alias("split"), place_in_file.alias("origin"), label.alias("label"), "image")
    unknown = [row[0] for row in frame.select("split").distinct().limit(9).collect() if row[0] not in SPLIT_NAMES]
    if unknown:
        raise InputError(f"unknown split {unknown[0]!r} in {storage.local(uris[0])}; known: {', '.join(SPLITS)}")
    frame = frame.replace("unlabelled", "unlabeled", "split")
    if limit:
        rank = F.row_number().over(Window.partitionBy("split").orderBy("origin"))
        frame = frame.withColumn("rank", rank).where(F.col("rank") <= limit).drop("rank")
    if "image" in types:
        nothing = [F.lit(None).cast("int").alias(name) for name in ("height", "width", "channels")]
        content = F.coalesce("image", F.lit(b"")).alias("content")
        return frame.select("split", "origin", "label", *nothing, content, F.lit(None).cast("string").alias("reason"))
    return frame.mapInPandas(_from_arrays, RAW)


def _check(uri: str) -> None:
    """Raise InputError for a file that is no Parquet, before Spark answers with a stack of its own."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    fs, inside = storage.filesystem(uri)
    try:
        with fs.open(inside, "rb") as file:
            pq.ParquetFile(file)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{storage.local(uri)} is cut short or not a Parquet file: {error}") from None


def _from_arrays(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    import json

    for frame in frames:
        rows = []
        for row in frame.itertuples(index=False):
            try:
                array = np.array(json.loads(row.image or b"[]"))
                if array.dtype.kind not in "iu" or array.size == 0 or array.min() < 0 or array.max() > 255:
                    raise images.ImageError("pixels must be whole numbers from 0 to 255")
                pixels = images.from_array(array.astype(np.uint8))
            except (images.ImageError, ValueError) as error:
                rows.append((row.split, row.origin, row.label, None, None, None, None, str(error)))
            else:
                rows.append((row.split, row.origin, row.label, *pixels.shape, pixels.tobytes(), None))
        yield pd.DataFrame(rows, columns=COLUMNS)
