"""Images in a folder: `path/train/<class>/*`, `path/test/<class>/*`, `path/unlabeled/*`, or any tree with a
`labels.csv`.

`labels.csv` has the columns file (relative to `path`), label and, optionally, split; images that it does not name are
unlabelled. The splits `query` and `gallery` (also `path/query/*` beside `path/gallery/*`) are images to match. Without
either, each folder below `path` is a class, and one named `unlabeled` has no label. The folder may be a bucket's
(`s3://bucket/prefix`).

With the task multi_label the table may name several labels of a file (`multi_labels_csv`), and the same pixels may lie
in the folders of several classes, of which the image then is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from kindred.data import (
    class_checks,
    folder_layout,
    image_limit,
    known_labels,
    labels_csv,
    multi_labels_csv,
    raw_images,
)
from kindred.data.folder_layout import Layout, Place
from kindred.data.image_limit import Candidate
from kindred.data.label_spelling import JOINED, SPLIT_OF, VALIDATION
from kindred.data.labels_csv import SEVERAL_LABELS, Row
from kindred.data.sources import Refused, Source, list_files, names
from kindred.runtime import partitioning, storage
from kindred.runtime.errors import InputError
from kindred.runtime.label_sets import MULTI_LABEL, SEPARATOR, SINGLE_LABEL
from kindred.runtime.log_lines import one_line
from kindred.runtime.tables import MATCHED, UNLABELED

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def check(path: str, task: str = SINGLE_LABEL) -> None:
    check_labels(sources(path, lambda line: None, task), task)


def check_labels(sources: Sequence[Source], task: str = SINGLE_LABEL) -> None:
    root, shown = sources[0].uri, one_line(storage.local(sources[0].uri))
    images, layout = _images(root, sources[1:], task)
    found = names(root, images)
    if len(images) == len(sources) - 1:  # no table
        folder_layout.check_labelled(layout, found, shown)
    refused = [file.version if isinstance(file, Refused) else None for file in images]
    if task == MULTI_LABEL:
        class_checks.check_several(layout.places, refused, shown)
    else:
        class_checks.check(layout.places, found, refused, shown)


def check_matched(sources: Sequence[Source], task: str = SINGLE_LABEL) -> None:
    root = sources[0].uri
    _, layout = _images(root, sources[1:], task)
    there = {place.split for place in layout.places}
    if lacking := [split for split in MATCHED if split not in there]:
        splits = " and ".join(f"{split}/" for split in MATCHED)
        raise InputError(
            f"no {lacking[0]} image in {one_line(storage.local(root))}: put the images to match into {splits}, or name "
            "these splits in labels.csv"
        )


def sources(path: str, say: Callable[[str], None], task: str = SINGLE_LABEL) -> list[Source]:
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
    images, layout = _images(root, files, task)
    if task == MULTI_LABEL:
        of_classes = class_checks.notes_of_several(layout.places, [isinstance(file, Refused) for file in images])
    else:
        of_classes = class_checks.notes(layout.places)
    for note in [*listing.notes(), *layout.notes, *of_classes]:
        say(note)
    # The root goes first: the splits and classes are read off the paths below it.
    return [Source(root, 0, ""), *files]


def read(spark: SparkSession, sources: Sequence[Source], limit: int | None, task: str = SINGLE_LABEL) -> DataFrame:
    root = sources[0].uri
    images, layout = _images(root, sources[1:], task)
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


def files(sources: Sequence[Source], limit: int | None, task: str = SINGLE_LABEL) -> list[Source]:
    table = _table_name(names(sources[0].uri, sources[1:]))
    images = zip(sources[1:], names(sources[0].uri, sources[1:]), strict=True)
    return [file for file, name in images if name != table and not isinstance(file, Refused)]


def _images(root: str, files: Sequence[Source], task: str) -> tuple[list[Source], Layout]:
    """The files that are no `labels.csv`, and where each belongs; of several labels as `known_labels` writes them."""
    found = names(root, files)
    table = _table_name(found)
    images = [file for file, name in zip(files, found, strict=True) if name != table]
    others = names(root, images)
    if table is None:
        shown = one_line(storage.local(root))
        layout = folder_layout.by_folders(others, shown)
        return images, _of_several(layout, shown) if task == MULTI_LABEL else layout
    return images, _by_table(root, files[found.index(table)], others, task)


def _of_several(layout: Layout, path: str) -> Layout:
    """The same, where all classes are known of each labelled image: a file shows that of its folder. Copies in the
    folders of others are joined by their pixels, after decoding.
    """
    classes = {place.label for place in layout.places if place.label and place.split not in MATCHED}
    known_labels.check_names(classes, path)
    absent = dict.fromkeys(classes, False)
    texts = {
        label: known_labels.encoded({**absent, label: True})
        for label in {place.label for place in layout.places}
        if label
    }
    return layout._replace(places=[Place(split, texts[label] if label else None) for split, label in layout.places])


def _by_table(root: str, table: Source, images: Sequence[str], task: str) -> Layout:
    """Split and label by labels.csv."""
    path = one_line(storage.local(table.uri))
    if isinstance(table, Refused):
        raise InputError(f"cannot read {path}: {table.version}")
    try:
        content = storage.read_bytes(table.uri)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    parsed = labels_csv.parse(content, path)
    if task == MULTI_LABEL:
        rows = labels_csv.by_file(parsed, images, root, path)
        known, notes = multi_labels_csv.places(rows, path), []
        parts = [of_file[0].part for of_file in rows.values()]
    else:
        table_rows = labels_csv.places(parsed, images, root, path)
        known, notes = {name: Place(SPLIT_OF[row.part], row.label) for name, row in table_rows.items()}, _unread(parsed)
        parts = [row.part for row in table_rows.values()]
    if validation := parts.count(VALIDATION):
        notes.append(f"{JOINED}: {validation:,} in {labels_csv.NAME}")
    if matched := sum(part in MATCHED for part in parts):
        notes.append(f"{labels_csv.NAME} names {matched:,} images to match, from which no classifier learns")
    if len(known) < len(images):
        notes.append(f"{labels_csv.NAME} names {len(known):,} of {len(images):,} files; the others are unlabelled")
    nowhere = Place(UNLABELED, None)
    return Layout([known.get(name, nowhere) for name in images], notes)


def _unread(rows: Sequence[Row]) -> list[str]:
    """What of a table seems to be of images with several labels, and is taken for something else."""
    bars = sum(SEPARATOR in (row.label or "") for row in rows)
    notes = (
        [f"{labels_csv.NAME} has {bars:,} labels with {SEPARATOR!r}, each read as one{SEVERAL_LABELS}"] if bars else []
    )
    if rows and rows[0].present is not None:
        notes.append(f"the column {labels_csv.PRESENT} of {labels_csv.NAME} is not read{SEVERAL_LABELS}")
    return notes


def _table_name(files: Sequence[str]) -> str | None:
    """The name of the table, however a system writes it; None where there is none."""
    alike = sorted(name for name in files if name.casefold() == labels_csv.NAME)
    return labels_csv.NAME if labels_csv.NAME in alike else next(iter(alike), None)
