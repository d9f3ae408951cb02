"""The image-level labels of Open Images: which classes an image shows, which it does not, and which are not known.

A row says that a class was found in an image with a confidence. Of people, 1 is verified present and 0 verified absent;
a machine gives a probability. Without a row, nothing is known: that is not absent.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from kindred.data.open_images_files import HUMAN, MACHINE, Files, LabelFile
from kindred.runtime import storage
from kindred.runtime.errors import InputError
from kindred.runtime.log_lines import one_line

if TYPE_CHECKING:
    import pyarrow as pa

IMAGE, SOURCE, LABEL, CONFIDENCE = COLUMNS = ("ImageID", "Source", "LabelName", "Confidence")
BOTH = "both"
LABEL_SOURCES = (HUMAN, MACHINE, BOTH)
BLOCK_BYTES = 2**24  # of a table that is read at once: tables have up to 10 GB
MAX_SHOWN = 200  # characters of a header that is another


class LabelRow(NamedTuple):
    """One row: `source` is human or machine, `confidence` from 0 to 1."""

    image: str
    label: str
    source: str
    confidence: float


class Known(NamedTuple):
    """What is known of one class in one image: `present` is None where a machine finds it less probable than the
    threshold.
    """

    present: bool | None
    source: str


class Labels(NamedTuple):
    """What is known, by image and class, and how many pairs people have said both of, present and absent."""

    known: dict[tuple[str, str], Known]
    contradictions: int


def check_columns(header: Sequence[str], path: str) -> None:
    """Raise InputError where the header of the table `path` is not COLUMNS.

    >>> check_columns(["ImageID", "LabelName"], "labels.csv")
    Traceback (most recent call last):
    kindred.runtime.errors.InputError: labels.csv must have the columns ImageID,Source,LabelName,Confidence, not \
ImageID,LabelName
    """
    if [name.strip().removeprefix("\ufeff") for name in header] != list(COLUMNS):
        shown = one_line(",".join(header))[:MAX_SHOWN] or "none"
        raise InputError(f"{path} must have the columns {','.join(COLUMNS)}, not {shown}")


def tables_of(files: Files, label_source: str) -> list[LabelFile]:
    """The label tables of people, of machines, or both. Raises InputError where there is none."""
    if label_source not in LABEL_SOURCES:
        raise InputError(f"unknown label_source {label_source!r}; known: {', '.join(LABEL_SOURCES)}")
    found = [table for table in files.labels if label_source in (table.kind, BOTH)]
    if not found:
        other, root = files.labels[0].kind, one_line(storage.local(files.root))
        raise InputError(f"no table of {label_source} labels in {root}; set label_source to {other}")
    return found


def source_of(text: str) -> str:
    """Who has made a row, by its column Source: people (`verification`, `crowdsource-verification`) or a machine.

    >>> source_of("verification"), source_of("machine")
    ('human', 'machine')
    """
    return MACHINE if text.strip().casefold() == MACHINE else HUMAN


def row_of(image: str, source: str, label: str, confidence: str | None, path: str) -> LabelRow:
    """One row of the table `path` as its text has it. Raises InputError for a confidence that is none.

    >>> row_of("000b5feef144e6a6", "verification", "/m/07j7r", "1", "labels.csv")
    LabelRow(image='000b5feef144e6a6', label='/m/07j7r', source='human', confidence=1.0)
    """
    who = source_of(source)
    try:
        value = float(confidence or "")
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1 or (who == HUMAN and value not in (0, 1)):
        allowed = "0 (absent) or 1 (present)" if who == HUMAN else "from 0 to 1"
        raise InputError(
            f"{path}: Confidence of {label} in {image} must be {allowed} for {source!r}, not {confidence!r}"
        )
    return LabelRow(image, label, who, value)


def read(table: LabelFile, labels: Iterable[str]) -> Iterator[LabelRow]:
    """The rows of some classes, in the order of the table, of which only a part is in memory at a time. Raises
    InputError for other columns, and for rows that are none.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv

    path = one_line(storage.local(table.file.uri))
    wanted = pa.array(sorted(labels), pa.string())
    fs, inside = storage.filesystem(table.file.uri)
    try:
        with fs.open(inside, "rb") as file:
            check_columns(file.readline().decode("utf-8", "replace").rstrip("\r\n").split(","), path)
            names = csv.ReadOptions(column_names=list(COLUMNS), block_size=BLOCK_BYTES)
            types = csv.ConvertOptions(column_types={name: pa.string() for name in COLUMNS})
            for batch in csv.open_csv(file, read_options=names, convert_options=types):
                yield from _rows(batch.filter(pc.is_in(batch[LABEL], wanted)), path)
    except pa.ArrowInvalid as error:
        if "Empty CSV" in str(error):
            return
        raise InputError(f"{path} is no CSV file with 4 columns: {one_line(str(error))[:MAX_SHOWN]}") from None


def _rows(batch: pa.RecordBatch, path: str) -> Iterator[LabelRow]:
    columns = (batch[name].to_pylist() for name in COLUMNS)
    for image, source, label, confidence in zip(*columns, strict=True):
        yield row_of(image, source, label, confidence, path)


def resolve(rows: Iterable[LabelRow], label_source: str, threshold: float) -> Labels:
    """What rows say of each image and class, where a later row is newer. Of people the newest row counts, and before
    any machine's; what a machine finds at least as probable as `threshold` is present, else it is not known.

    >>> rows = [LabelRow("a", "/m/1", "human", 1.0), LabelRow("a", "/m/1", "human", 0.0)]
    >>> resolve(rows, "human", 0.5)
    Labels(known={('a', '/m/1'): Known(present=False, source='human')}, contradictions=1)
    """
    if label_source not in LABEL_SOURCES:
        raise InputError(f"unknown label_source {label_source!r}; known: {', '.join(LABEL_SOURCES)}")
    known: dict[tuple[str, str], Known] = {}
    contradicting: set[tuple[str, str]] = set()
    for row in rows:
        if label_source not in (row.source, BOTH):
            continue
        pair = (row.image, row.label)
        before = known.get(pair)
        if row.source == MACHINE:
            if before is None or before.source == MACHINE:
                known[pair] = Known(True if row.confidence >= threshold else None, MACHINE)
            continue
        now = Known(row.confidence == 1, HUMAN)
        if before is not None and before.source == HUMAN and before != now:
            contradicting.add(pair)
        known[pair] = now
    return Labels(known, len(contradicting))


def of_classes(
    known: Mapping[tuple[str, str], Known], classes: Sequence[str], kinds: Mapping[str, Iterable[str]]
) -> dict[str, dict[str, bool | None]]:
    """What is known of some classes in each image: a class is present where one of its `kinds` is, unless people have
    said that it is absent. An image of which nothing is known is not there.

    >>> known = {("a", "/m/apple"): Known(True, "human")}
    >>> of_classes(known, ["/m/fruit"], {"/m/fruit": {"/m/apple"}})
    {'a': {'/m/fruit': True}}
    """
    of_kind = {kind: [one for one in classes if kind in kinds.get(one, ())] for _, kind in known}
    images: dict[str, dict[str, bool | None]] = {}
    chosen = set(classes)
    for (image, label), what in known.items():
        if label in chosen:
            images.setdefault(image, {})[label] = what.present
    for (image, label), what in known.items():
        for one in of_kind[label] if what.present else ():
            own = known.get((image, one))
            if own is None or own.source == MACHINE or own.present:
                images.setdefault(image, {})[one] = True
    return images
