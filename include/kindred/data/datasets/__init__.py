"""Datasets: where images come from. One file each; the file's name is the dataset's.

A dataset gives two functions:

    sources(path, say) -> list[Source]          the files that it is made of, found (or fetched) under `path`
    read(spark, sources, limit) -> DataFrame    their images as rows of `RAW`, the first `limit` of each split

`sources` raises InputError, with one line, for what is not there or does not fit together; `say` takes a line of
progress. The sources are part of the dataset's fingerprint. `read` gives known labels only (null: not known), in the
splits train, unlabeled and test. Where there is no test image, ingest sets a stratified fifth of the labelled ones
aside.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import pandas as pd

from kindred.runtime import s3, s3_objects, storage
from kindred.runtime.errors import InputError

# content is an encoded file where height is null, else raw uint8 values, row-major [height, width, channels].
# Where content is null, the worker reads the file `origin`. An origin is unique, and origins sort as the images do.
RAW = "split string, origin string, label string, height int, width int, channels int, content binary, reason string"
COLUMNS = ["split", "origin", "label", "height", "width", "channels", "content", "reason"]
BATCH = 256


class Source(NamedTuple):
    """A file: its URI, its size in bytes, and what changes when its content does (mtime or ETag)."""

    uri: str
    size: int
    version: str


def source(uri: str) -> Source:
    """The file at a URI. Raises InputError where there is none."""
    fs, inside = storage.filesystem(uri)
    try:
        info = fs.info(inside)
    except FileNotFoundError:
        raise InputError(f"no such file: {storage.local(uri)}") from None
    return as_source(fs, info)


def as_source(fs: Any, info: dict) -> Source:
    version = info.get("mtime") or info.get("ETag") or info.get("LastModified") or ""
    return Source(fs.unstrip_protocol(info["name"]), int(info["size"]), str(version))


def place(path: str) -> str:
    """The URI of a file or folder that a person named. Raises InputError where it is not there."""
    uri = storage.uri(path)
    fs, inside = storage.filesystem(uri)
    if not fs.exists(inside):
        raise InputError(f"no such file or folder: {storage.local(uri)}")
    return uri


def listing(path: str) -> tuple[str, list[Source]]:
    """The URI of a folder, of a file or of a bucket's prefix, and all files below it; an object's ETag is its version.
    Raises InputError where there is none.
    """
    if s3.is_s3(path):
        bucket, prefix = s3.split(path.rstrip("/"))
        root = f"s3://{bucket}/{prefix}".rstrip("/")
        return root, [Source(f"s3://{bucket}/{key}", size, etag) for key, size, etag in s3_objects.list_objects(root)]
    root = place(path)
    fs, inside = storage.filesystem(root)
    files = [as_source(fs, info) for info in fs.find(inside, detail=True).values() if info["type"] == "file"]
    return fs.unstrip_protocol(inside).rstrip("/"), files


def in_slices(
    spark: Any, slices: Sequence[tuple[str, int, int]], load: Callable[[str, int, int], Iterator[tuple]]
) -> Any:
    """Rows of RAW, a Spark task for each slice (URI of a file, first image, one past the last), made by `load`."""
    if not slices:
        return spark.createDataFrame([], RAW)
    frame = spark.createDataFrame(
        spark.sparkContext.parallelize(list(slices), len(slices)), "uri string, start int, stop int"
    )
    return frame.mapInPandas(functools.partial(_load_slices, load), RAW)


def cut(uri: str, count: int, size: int) -> list[tuple[str, int, int]]:
    """The slices of a file of `count` images, `size` images each."""
    return [(uri, start, min(start + size, count)) for start in range(0, count, size)]


def _load_slices(load: Callable[[str, int, int], Iterator[tuple]], frames: Iterator[pd.DataFrame]):
    for frame in frames:
        for row in frame.itertuples(index=False):
            rows = []
            for loaded in load(row.uri, row.start, row.stop):
                rows.append(loaded)
                if len(rows) == BATCH:
                    yield pd.DataFrame(rows, columns=COLUMNS)
                    rows = []
            yield pd.DataFrame(rows, columns=COLUMNS)
