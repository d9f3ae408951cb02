"""Images in a folder: `path/train/<class>/*`, `path/test/<class>/*`, `path/unlabeled/*`, or any tree with a
`labels.csv`.

`labels.csv` has the columns file (relative to `path`), label and, optionally, split; images that it does not name are
unlabelled. Without either, each folder below `path` is a class, and one named `unlabeled` has no label. The folder may
be a bucket's (`s3://bucket/prefix`).
"""

from __future__ import annotations

import csv
import functools
import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from kindred.data import raw_images
from kindred.data.sources import Source, list_files
from kindred.runtime import partitioning, storage
from kindred.runtime.errors import InputError
from kindred.runtime.tables import SPLITS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

TABLE = "labels.csv"
UNLABELED = ("unlabeled", "unlabelled")  # names of folders

Place = tuple[str, str | None]  # split and label


def sources(path: str, say: Callable[[str], None]) -> list[Source]:
    if not path:
        raise InputError("dataset image_folder needs a path: the folder that holds the images")
    say(f"listing {path}")
    root, files = list_files(path)
    if files and files[0].uri == root:
        raise InputError(f"not a folder: {storage.local(root)}")
    names = [(file, file.uri[len(root) + 1 :]) for file in files]
    visible = [(file, name) for file, name in names if not any(part.startswith(".") for part in name.split("/"))]
    if not any(name != TABLE for _, name in visible):
        raise InputError(f"no image in {storage.local(root)}")
    # The root goes first: the splits and classes are read off the paths below it.
    return [Source(root, 0, ""), *sorted(file for file, _ in visible)]


def read(spark: SparkSession, sources: Sequence[Source], limit: int | None) -> DataFrame:
    root, uris = sources[0].uri, [file.uri for file in sources[1:]]
    names = [uri[len(root) + 1 :] for uri in uris]
    place_of = functools.partial(_by_table, _table(root, names)) if TABLE in names else _by_folder(names)
    rows: list[tuple[Any, ...]] = []
    counts = dict.fromkeys(SPLITS, 0)
    for uri, name in zip(uris, names, strict=True):
        if name != TABLE:
            split, label = place_of(name)
            counts[split] += 1
            if limit is None or counts[split] <= limit:
                rows.append((split, uri, label, None, None, None, None, None))
    tasks = spark.sparkContext.parallelize(rows, partitioning.tasks(spark, len(rows)))
    return spark.createDataFrame(tasks, raw_images.SCHEMA)


def _by_folder(names: list[str]) -> Callable[[str], Place]:
    """Split and label by the folders of a file's path."""
    has_train = any(name.startswith("train/") for name in names)

    def place_of(name: str) -> Place:
        parts = name.split("/")
        if parts[0] in UNLABELED:
            return "unlabeled", None
        if has_train and parts[0] in ("train", "test") and len(parts) > 2:
            return parts[0], parts[1]
        if not has_train and len(parts) > 1:
            return "train", parts[0]
        return "unlabeled", None

    if not any(place_of(name)[1] for name in names):
        raise InputError(f"no labelled image: none of train/<class>/*, <class>/* and {TABLE} exists")
    return place_of


def _by_table(table: dict[str, Place], name: str) -> Place:
    """Split and label by labels.csv."""
    return table.get(name, ("unlabeled", None))


def _table(root: str, names: list[str]) -> dict[str, Place]:
    """Split and label of each file that labels.csv names."""
    path = f"{storage.local(root)}/{TABLE}"
    try:
        reader = csv.DictReader(io.StringIO(storage.read_bytes(f"{root}/{TABLE}").decode("utf-8-sig")))
        rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not a CSV file in UTF-8: {error}") from None
    if not {"file", "label"} <= set(reader.fieldnames or ()):
        raise InputError(f"{path} must have the columns file and label, not {', '.join(reader.fieldnames or ['none'])}")
    known = set(names)
    table: dict[str, Place] = {}
    for number, row in enumerate(rows, start=2):
        file, label, split = row["file"] or "", row["label"] or None, row.get("split") or None
        if file not in known:
            raise InputError(f"{path} line {number} names a file that does not exist: {file!r}")
        if file in table:
            raise InputError(f"{path} line {number} names {file!r} again")
        if split not in (None, *SPLITS):
            raise InputError(f"{path} line {number}: unknown split {split!r}; known: {', '.join(SPLITS)}")
        table[file] = (split or ("train" if label else "unlabeled"), label)
    if not any(label for _, label in table.values()):
        raise InputError(f"{path} labels no file")
    return table
