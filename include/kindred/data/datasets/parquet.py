"""Images in Parquet files: a column `image` (encoded bytes, or a struct with `bytes`) or `pixels` (nested whole numbers
[h, w] or [h, w, 3]), and, where they are known, `label` and `split`. `path` is a file or a folder of files, whose names
may say the split, as Hugging Face names them (`data/test-00000-of-00001.parquet`).
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from kindred.data import (
    class_checks,
    image_limit,
    label_columns,
    label_spelling,
    parquet_files,
    parquet_rows,
    raw_images,
)
from kindred.data.folder_layout import Place
from kindred.data.image_limit import Candidate
from kindred.data.label_spelling import JOINED, VALIDATION
from kindred.data.parquet_files import Contents
from kindred.data.sources import Refused, Source, list_files
from kindred.runtime import partitioning, storage
from kindred.runtime.errors import InputError
from kindred.runtime.log_lines import one_line
from kindred.runtime.tables import SPLITS, TRAIN

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

SUFFIXES = (".parquet", ".pq")
THREADS = 8  # files that are opened at a time: each of a bucket takes round trips


def check(path: str) -> None:
    check_labels(sources(path, lambda line: None))


def check_labels(sources: Sequence[Source]) -> None:
    """Of the files only footers and the columns of labels and splits are read."""
    root, shown = sources[0].uri, one_line(storage.local(sources[0].uri))
    contents = _contents(root, sources[1:])
    if not any(content.kind for content in contents):
        raise InputError(f"no labels in {shown}: no file has values in a column label")
    counts, examples = _counted(root, contents)
    if not any(place.label and place.split == TRAIN for place in counts):
        splits = {split: sum(counts[place] for place in counts if place.split == split) for split in SPLITS}
        has = ", ".join(f"{count:,} {split}" for split, count in splits.items() if count) or "no row"
        raise InputError(f"no labelled training image in {shown}: it has {has}")
    labels = {place.label for place in counts if place.label}
    if len(labels) == 1:
        raise InputError(f"all labels in {shown} are of one class, {labels.pop()!r}; a classifier needs two or more")
    class_checks.check(list(examples), list(examples.values()), [None] * len(examples), shown)


def sources(path: str, say: Callable[[str], None]) -> list[Source]:
    root, files = _listed(path, say)
    contents = _contents(root, files)
    _check_kinds(contents)
    counts, _ = _counted(root, contents)
    for line in [*_decisions(contents), *class_checks.notes(list(counts))]:
        say(line)
    return [Source(root, 0, ""), *files]


def read(spark: SparkSession, sources: Sequence[Source], limit: int | None) -> DataFrame:
    known = _contents(sources[0].uri, sources[1:])
    chosen = None if limit is None else _chosen(sources[0].uri, known, limit)
    size = -(-sum(file.rows for file in known) // partitioning.tasks(spark, sum(file.rows for file in known) or 1))
    parts = [
        part for file in known for part in _slices(file, max(size, 1), None if chosen is None else chosen[file.uri])
    ]
    load = functools.partial(_load, {file.uri: file for file in known}, chosen)
    return raw_images.read_slices(spark, parts, load)


def _listed(path: str, say: Callable[[str], None]) -> tuple[str, list[Source]]:
    """The folder (or the only file), a URI, and the files in it. Raises InputError for what does not exist, or cannot
    be opened.
    """
    if not path:
        raise InputError("dataset parquet needs a path: a Parquet file, or a folder of them")
    listing = list_files(path)
    root, shown = listing.root, one_line(storage.local(listing.root))
    files = sorted(file for file in listing.files if file.uri == root or _is_parquet(_name(root, file.uri)))
    if not files:
        raise InputError(f"no .parquet file in {shown}{listing.but()}")
    for file in files:
        if isinstance(file, Refused):
            raise InputError(f"{one_line(storage.local(file.uri))} cannot be read: {file.version}")
    for note in listing.notes():
        say(note)
    if others := len(listing.files) - len(files):
        say(f"files that are no .parquet files, and are not read: {others:,}")
    return root, files


def _counted(root: str, contents: Sequence[Contents]) -> tuple[Counter[Place], dict[Place, str]]:
    """Of each split and label how many rows there are, and the name of the first one."""
    counts: Counter[Place] = Counter()
    examples: dict[Place, str] = {}
    for content in contents:
        first: dict[Place, int] = {}
        for row, found in enumerate(parquet_rows.places(content)):
            place = Place(*found)
            counts[place] += 1
            first.setdefault(place, row)
        for place, row in first.items():
            examples.setdefault(place, f"{_name(root, content.uri)}#{row}")
    return counts, examples


def _name(root: str, uri: str) -> str:
    """The name of a file relative to the folder; of the only file nothing."""
    return uri[len(root) + 1 :]


def _is_parquet(name: str) -> bool:
    hidden = any(part.startswith((".", "_")) for part in name.split("/"))
    return name.lower().endswith(SUFFIXES) and not hidden


def _contents(root: str, files: Sequence[Source]) -> list[Contents]:
    """What each file holds by its footer and its path."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(lambda file: _content(root, file.uri), files))


def _content(root: str, uri: str) -> Contents:
    name = _name(root, uri)
    return parquet_files.contents(uri, part_of(name), _in_path(name).get("label"))


def part_of(name: str) -> str | None:
    """The part of the dataset that the path of a file names: `split=test/`, a word of its own name, or a folder.

    >>> part_of("data/train-00000-of-00001.parquet"), part_of("validation/0.parquet"), part_of("train_test.parquet")
    ('train', 'validation', None)
    """
    *folders, file = name.split("/")
    if split := _in_path(name).get("split"):
        part = label_spelling.part(split)
        if part is None:
            raise InputError(f"unknown split {split!r} in {name}; known: {', '.join(label_spelling.SPLIT_OF)}")
        return part
    words = {label_spelling.part(word) for word in re.findall(r"[^\W\d_]+", file.rsplit(".", 1)[0])} - {None}
    if len(words) == 1:
        return words.pop()
    return next((part for part in map(label_spelling.part, reversed(folders)) if part), None)


def _in_path(name: str) -> dict[str, str | None]:
    """The columns that folders name, as Hive does: `split=test/label=cat/`."""
    pairs = [folder.split("=", 1) for folder in name.split("/")[:-1] if "=" in folder]
    return {column.casefold(): label_columns.from_path(unquote(value)) for column, value in pairs}


def _check_kinds(files: Sequence[Contents]) -> None:
    """Raise InputError where the kinds of labels differ."""
    first: dict[str, str] = {}
    for file in files:
        if file.kind:
            first.setdefault(file.kind, one_line(storage.local(file.uri)))
    if len(first) > 1:
        (one, there), (other, here) = list(first.items())[:2]
        raise InputError(f"the labels are {one} in {there} and {other} in {here}: write them alike")


def _decisions(files: Sequence[Contents]) -> Iterator[str]:
    """What was decided by the names of files."""
    parts = Counter(file.part for file in files if file.part and not file.split)
    if parts:
        named = ", ".join(f"{count:,} {part}" for part, count in sorted(parts.items()))
        yield f"files by the split that their paths name: {named}"
    if parts[VALIDATION]:
        yield JOINED


def _chosen(root: str, files: Sequence[Contents], limit: int) -> dict[str, frozenset[int]]:
    """The rows of each file that a limit takes."""
    candidates, owners = [], []
    for file in files:
        name = _name(root, file.uri)
        for row, (split, label) in enumerate(parquet_rows.places(file)):
            candidates.append(Candidate(split, label, f"{name}#{row}"))
            owners.append((file.uri, row))
    chosen: dict[str, set[int]] = {file.uri: set() for file in files}
    for (uri, row), taken in zip(owners, image_limit.taken(candidates, limit), strict=True):
        if taken:
            chosen[uri].add(row)
    return {uri: frozenset(numbers) for uri, numbers in chosen.items()}


def _slices(file: Contents, size: int, chosen: frozenset[int] | None) -> Iterator[raw_images.Slice]:
    """Whole groups of rows, together about `size` rows, without those of which no row is chosen."""
    start = row = 0
    for count, _ in file.groups:
        row += count
        if row - start >= size or row == file.rows:
            if row > start and (chosen is None or any(start <= number < row for number in chosen)):
                yield file.uri, start, row
            start = row


def _load(
    files: Mapping[str, Contents], chosen: Mapping[str, frozenset[int]] | None, uri: str, start: int, stop: int
) -> Iterator[tuple[Any, ...]]:
    return parquet_rows.rows(files[uri], start, stop, None if chosen is None else chosen[uri])
