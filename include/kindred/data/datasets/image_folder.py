"""Images in a folder: `path/train/<class>/*`, `path/test/<class>/*`, `path/unlabeled/*`, or any tree with a
`labels.csv`.

`labels.csv` has the columns file (relative to `path`), label and, optionally, split; images that it does not name are
unlabelled. The splits `query` and `gallery` (also `path/query/*` beside `path/gallery/*`) are images to match. Without
either, each folder below `path` is a class, and one named `unlabeled` has no label. The folder may be a bucket's
(`s3://bucket/prefix`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from kindred.data import class_checks, folder_layout, image_limit, labels_csv, raw_images
from kindred.data.folder_layout import Layout, Place
from kindred.data.image_limit import Candidate
from kindred.data.label_spelling import JOINED, SPLIT_OF, VALIDATION
from kindred.data.sources import Refused, Source, list_files, names
from kindred.runtime import partitioning, storage
from kindred.runtime.errors import InputError
from kindred.runtime.log_lines import one_line
from kindred.runtime.tables import MATCHED, UNLABELED

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def check(path: str) -> None:
    check_labels(sources(path, lambda line: None))


def check_labels(sources: Sequence[Source]) -> None:
    root, shown = sources[0].uri, one_line(storage.local(sources[0].uri))
    images, layout = _images(root, sources[1:])
    found = names(root, images)
    if len(images) == len(sources) - 1:  # no table
        folder_layout.check_labelled(layout, found, shown)
    refused = [file.version if isinstance(file, Refused) else None for file in images]
    class_checks.check(layout.places, found, refused, shown)


def check_matched(sources: Sequence[Source]) -> None:
    root = sources[0].uri
    _, layout = _images(root, sources[1:])
    there = {place.split for place in layout.places}
    if lacking := [split for split in MATCHED if split not in there]:
        splits = " and ".join(f"{split}/" for split in MATCHED)
        raise InputError(
            f"no {lacking[0]} image in {one_line(storage.local(root))}: put the images to match into {splits}, or name "
            "these splits in labels.csv"
        )


def sources(path: str, say: Callable[[str], None]) -> list[Source]:
    if not path:
        raise InputError("dataset image_folder needs a path: the folder that holds the images")
    say(f"listing {path}")
    listing = list_files(path)
    root, shown = listing.root, one_line(storage.local(listing.root))
    if listing.files and listing.files[0].uri == root:
        raise InputError(f"not a folder: {shown}")
    files = sorted(listing.files)
    found = names(root, files)
    if set(found) <= {_table_name(found)}:
        raise InputError(f"no image in {shown}{listing.but()}")
    _, layout = _images(root, files)
    for note in [*listing.notes(), *layout.notes, *class_checks.notes(layout.places)]:
        say(note)
    # The root goes first: the splits and classes are read off the paths below it.
    return [Source(root, 0, ""), *files]


def read(spark: SparkSession, sources: Sequence[Source], limit: int | None) -> DataFrame:
    root = sources[0].uri
    images, layout = _images(root, sources[1:])
    rows: list[tuple[Any, ...]] = []
    candidates: list[Candidate] = []
    for file, name, (split, label) in zip(images, names(root, images), layout.places, strict=True):
        if isinstance(file, Refused):
            rows.append((split, file.uri, label, None, None, None, None, file.version))
        else:
            candidates.append(Candidate(split, label, name))
    for (split, label, name), taken in zip(candidates, image_limit.taken(candidates, limit), strict=True):
        if taken:
            rows.append((split, f"{root}/{name}", label, None, None, None, None, None))
    tasks = spark.sparkContext.parallelize(rows, partitioning.tasks(spark, len(rows)))
    return spark.createDataFrame(tasks, raw_images.SCHEMA)


def _images(root: str, files: Sequence[Source]) -> tuple[list[Source], Layout]:
    """The files that are no `labels.csv`, and where each belongs."""
    found = names(root, files)
    table = _table_name(found)
    images = [file for file, name in zip(files, found, strict=True) if name != table]
    others = names(root, images)
    if table is None:
        return images, folder_layout.by_folders(others, one_line(storage.local(root)))
    return images, _by_table(root, files[found.index(table)], others)


def _by_table(root: str, table: Source, images: Sequence[str]) -> Layout:
    """Split and label by labels.csv."""
    path = one_line(storage.local(table.uri))
    if isinstance(table, Refused):
        raise InputError(f"cannot read {path}: {table.version}")
    try:
        content = storage.read_bytes(table.uri)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    rows = labels_csv.places(labels_csv.parse(content, path), images, root, path)
    validation = sum(row.part == VALIDATION for row in rows.values())
    notes = [f"{JOINED}: {validation:,} in {labels_csv.NAME}"] if validation else []
    if matched := sum(row.part in MATCHED for row in rows.values()):
        notes.append(f"{labels_csv.NAME} names {matched:,} images to match, from which no classifier learns")
    if len(rows) < len(images):
        notes.append(f"{labels_csv.NAME} names {len(rows):,} of {len(images):,} files; the others are unlabelled")
    nowhere = Place(UNLABELED, None)
    known = {name: Place(SPLIT_OF[row.part], row.label) for name, row in rows.items()}
    return Layout([known.get(name, nowhere) for name in images], notes)


def _table_name(files: Sequence[str]) -> str | None:
    """The name of the table, however a system writes it; None where there is none."""
    alike = sorted(name for name in files if name.casefold() == labels_csv.NAME)
    return labels_csv.NAME if labels_csv.NAME in alike else next(iter(alike), None)
