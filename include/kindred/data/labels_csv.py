"""The table `labels.csv` beside images: read as spreadsheets and scripts write it, matched with the files."""

import csv
import io
import os
import posixpath
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from kindred.data import label_spelling
from kindred.data.label_spelling import SPLIT_OF
from kindred.data.sources import first
from kindred.runtime import storage
from kindred.runtime.errors import InputError
from kindred.runtime.label_sets import MULTI_LABEL
from kindred.runtime.log_lines import one_line
from kindred.runtime.tables import MATCHED, TRAIN, UNLABELED

NAME = "labels.csv"
FILE, LABEL, SPLIT, PRESENT = COLUMNS = ("file", "label", "split", "present")
DELIMITERS = ",;\t|"
MAX_SHOWN = 200  # characters of a header that is none
NO_LABEL = "without a label"
SEVERAL_LABELS = f"; for images with several labels self_training has the task {MULTI_LABEL}"
ENCODINGS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}  # by their first bytes


class Row(NamedTuple):
    """A line that names a file; `part` is one of `label_spelling.SPLIT_OF`. `present` is what stands in that column,
    which only tables of images with several labels need (`multi_labels_csv`); None where there is none.
    """

    line: int
    file: str
    label: str | None
    part: str
    present: str | None = None


def parse(content: bytes, path: str) -> list[Row]:
    """The rows of a table: UTF-8 or UTF-16, with commas, semicolons, tabs or bars, and the columns file, label and,
    optionally, split. A row without a split is for training if it has a label.

    Raises InputError, which names the table `path` and the line, for what does not fit.

    >>> parse(b"File; Label\\na.jpg; cat\\n", "labels.csv")
    [Row(line=2, file='a.jpg', label='cat', part='train', present=None)]
    """
    lines = _cells(_text(content, path), path)
    header = next(lines, (1, [""]))[1]
    names = [label_spelling.plain(name).casefold() for name in header]
    if not {FILE, LABEL} <= set(names):
        found = one_line(", ".join(filter(None, names)))[:MAX_SHOWN] or "none"
        raise InputError(f"{path} must have the columns file and label, not {found}")
    if repeated := [name for name in COLUMNS if names.count(name) > 1]:
        raise InputError(f"{path} has the column {repeated[0]} twice")
    return [_row(line, names, cells, path) for line, cells in lines]


def places(rows: Sequence[Row], names: Sequence[str], root: str, path: str) -> dict[str, Row]:
    """The row of each file that a table names, by its name relative to `root` (a URI); `names` are all files.

    Raises InputError for rows that name no file, or the same file with another label or split.
    """
    matched = by_file(rows, names, root, path)
    table = {name: of_file[0] for name, of_file in matched.items()}
    others = [(name, row) for name, of_file in matched.items() for row in of_file[1:]]
    differing = [(name, row) for name, row in others if (row.label, row.part) != (table[name].label, table[name].part)]
    if differing:
        differing.sort(key=lambda one: one[1].line)
        several = any(row.label and table[name].label not in (None, row.label) for name, row in differing)
        shown = first([contradiction(name, table[name], row) for name, row in differing])
        raise InputError(f"{path} contradicts itself: {shown}{SEVERAL_LABELS if several else ''}")
    if not any(row.label or row.part in MATCHED for row in table.values()):
        raise InputError(f"{path} labels no file")
    return table


def by_file(rows: Sequence[Row], names: Sequence[str], root: str, path: str) -> dict[str, list[Row]]:
    """The rows of each file, for arguments as those of `places`. Raises InputError for rows that name no file."""
    find = _finder(names, root)
    table: dict[str, list[Row]] = {}
    missing: list[str] = []
    for row in rows:
        name = find(row.file)
        if name is None:
            missing.append(f"{row.file!r} (line {row.line})")
        else:
            table.setdefault(name, []).append(row)
    if missing:
        one = len(missing) == 1
        count = (
            "1 file that does not exist (or is hidden)"
            if one
            else f"{len(missing):,} files that do not exist (or are hidden)"
        )
        raise InputError(f"{path} names {count}: {first(missing)}")
    return table


def two_parts(name: str, one: Row, other: Row) -> str:
    """That two rows put a file into two parts."""
    return f"{name!r} is in the split {one.part} (line {one.line}) and {other.part} (line {other.line})"


def contradiction(name: str, one: Row, other: Row) -> str:
    """That two rows give a file different labels, or put it into two parts."""
    if one.label == other.label:
        return two_parts(name, one, other)
    return f"{name!r} is {one.label or NO_LABEL} (line {one.line}) and {other.label or NO_LABEL} (line {other.line})"


def _text(content: bytes, path: str) -> str:
    encoding = next((name for mark, name in ENCODINGS.items() if content.startswith(mark)), "utf-8")
    if encoding == "utf-8" and content[1:2] == b"\0":  # UTF-16 without its mark: the header is ASCII
        encoding = "utf-16-le"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(f"{path} line {line} is not UTF-8; save it as CSV UTF-8") from None


def _cells(text: str, path: str) -> Iterator[tuple[int, list[str]]]:
    """The cells of each line that is not blank, with its number; the header is the first."""
    start = 0
    if match := re.match(r"sep=(.)\r?\n", text, re.IGNORECASE):  # for Excel
        text, start = text[match.end() :], 1
    header = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(DELIMITERS, key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    line = start
    try:
        for cells in reader:
            line, first = start + reader.line_num, line + 1
            if any(cell.strip() for cell in cells):
                yield first, cells
    except csv.Error as error:
        raise InputError(f"{path} line {line + 1} is no line of a CSV file: {error}") from None


def _row(line: int, names: list[str], cells: list[str], path: str) -> Row:
    if any(cell.strip() for cell in cells[len(names) :]):
        raise InputError(f"{path} line {line} has {len(cells)} values for {len(names)} columns; quote what has commas")
    values = dict(zip(names, cells, strict=False))
    label = label_spelling.label(values.get(LABEL))
    split = values.get(SPLIT, "").strip()
    part = label_spelling.part(split) if split else (TRAIN if label else UNLABELED)
    if part is None:
        raise InputError(f"{path} line {line}: unknown split {split!r}; known: {', '.join(SPLIT_OF)}")
    return Row(line, values.get(FILE, ""), label, part, values.get(PRESENT, "") if PRESENT in names else None)


def _finder(names: Sequence[str], root: str) -> Callable[[str], str | None]:
    """What finds the file that a person has written: as it is, then with what systems and programs change undone."""
    exact = set(names)
    by_plain = defaultdict(list)
    for name in names:
        by_plain[_plain_path(name)].append(name)
    roots = {f"{root}/", f"{storage.local(root)}/"}
    if root.startswith("file://"):
        roots.add(f"{os.path.realpath(storage.local(root))}/")

    def find(text: str) -> str | None:
        for given in (text, text.strip(), text.strip().replace("\\", "/")):
            inside = re.sub(r"^s3[an]://", "s3://", given)
            inside = next((inside[len(start) :] for start in roots if inside.startswith(start)), inside)
            name = posixpath.normpath(inside)
            if name in exact:
                return name
            if len(alike := by_plain.get(_plain_path(name), [])) == 1:
                return alike[0]
        return None

    return find


def _plain_path(name: str) -> str:
    return "/".join(label_spelling.plain(part) for part in name.split("/"))
