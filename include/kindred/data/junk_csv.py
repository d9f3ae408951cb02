"""The table `junk.csv` beside images to match: the images of the gallery that are neither right nor wrong for a query.

Source: J. Philbin et al., Object Retrieval with Large Vocabularies and Fast Spatial Matching (CVPR 2007, section 2),
where they are the pictures that show less than a quarter of the query's thing.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from kindred.data.label_spelling import plain

# Read as labels.csv is, by what is private there: that file is part of the name of every stored dataset, so that to
# change it would make all of them again.
from kindred.data.labels_csv import MAX_SHOWN, _cells, _finder, _text
from kindred.data.sources import JUNK, Source, first, names
from kindred.runtime import storage
from kindred.runtime.errors import InputError
from kindred.runtime.log_lines import one_line
from kindred.runtime.tables import GALLERY, QUERY

COLUMNS = (QUERY, GALLERY)


class Pair(NamedTuple):
    """A line: a query and an image of the gallery that is junk for it, files relative to the folder."""

    line: int
    query: str
    image: str


def content(root: str) -> bytes | None:
    """The table directly in a folder, a URI; None where there is none. Raises InputError where it cannot be read."""
    uri = f"{root}/{JUNK}"
    try:
        return storage.find_bytes(uri)
    except NotADirectoryError:  # the images are in one file
        return None
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"cannot read {one_line(storage.local(uri))}: {reason}") from None


def pairs(table: bytes, sources: Sequence[Source]) -> list[Pair]:
    """The pairs that a table names, each once; `sources` are the folder and its files. Raises InputError, in one line,
    for what does not fit and for files that are not there.
    """
    root = sources[0].uri
    path = one_line(storage.local(f"{root}/{JUNK}"))
    rows, find = parse(table, path), _finder(names(root, sources[1:]), root)
    found: dict[tuple[str, str], Pair] = {}
    missing: list[str] = []
    for row in rows:
        query, image = find(row.query), find(row.image)
        missing += [
            f"{text!r} (line {row.line})" for text, name in ((row.query, query), (row.image, image)) if name is None
        ]
        if query is not None and image is not None:
            found.setdefault((query, image), Pair(row.line, query, image))
    if missing:
        raise InputError(f"{path} names {len(missing):,} that are no files here (or hidden): {first(missing)}")
    return list(found.values())


def parse(table: bytes, path: str) -> list[Pair]:
    """The lines of a table with the columns query and gallery, saved in any way that labels.csv may be; the files as
    they are written. Raises InputError, which names the table `path` and the line, for what does not fit.

    >>> parse(b"query;gallery\\n1.jpg;7.jpg\\n", "junk.csv")
    [Pair(line=2, query='1.jpg', image='7.jpg')]
    """
    lines = _cells(_text(table, path), path)
    header = next(lines, (1, [""]))[1]
    columns = [plain(name).casefold() for name in header]
    if sorted(name for name in columns if name in COLUMNS) != sorted(COLUMNS):
        found = one_line(", ".join(filter(None, columns)))[:MAX_SHOWN] or "none"
        raise InputError(f"{path} must have the columns {' and '.join(COLUMNS)}, each once, not {found}")
    rows = []
    for line, cells in lines:
        if any(cell.strip() for cell in cells[len(columns) :]):
            count = f"{len(cells)} values for {len(columns)} columns"
            raise InputError(f"{path} line {line} has {count}; quote what has commas")
        values = dict(zip(columns, cells, strict=False))
        rows.append(Pair(line, values.get(QUERY, ""), values.get(GALLERY, "")))
    return rows


def check_splits(pairs: Sequence[Pair], split_of: Mapping[str, str], path: str) -> None:
    """Raise InputError where a file is not in the split that its column says; `split_of` has the files by name."""
    wrong = []
    for pair in pairs:
        for split, name in ((QUERY, pair.query), (GALLERY, pair.image)):
            if (own := split_of.get(name, split)) != split:  # one that is not there was left out by a limit
                wrong.append(f"{name!r} (line {pair.line}) is in the split {own}, not {split}")
    if wrong:
        raise InputError(f"{path} names {len(wrong):,} of another split: {first(wrong)}")


def ids(
    pairs: Sequence[Pair], id_of: Mapping[str, str], queries: Collection[str], gallery: Collection[str]
) -> tuple[list[tuple[str, str]], int]:
    """The pairs of ids of queries and of images in the gallery, sorted, each once; and how many pairs name an image
    that was rejected. `id_of` has the ids of decoded files by name; `queries` and `gallery` are the ids that are kept.

    >>> pairs = [Pair(2, "1.jpg", "7.jpg"), Pair(3, "1.jpg", "broken.jpg")]
    >>> ids(pairs, {"1.jpg": "q", "7.jpg": "a"}, {"q"}, {"a"})
    ([('q', 'a')], 1)
    """
    by_id = [(id_of.get(pair.query), id_of.get(pair.image)) for pair in pairs]
    kept = [(query, image) for query, image in by_id if query in queries and image in gallery]
    return sorted({(query, image) for query, image in kept if query and image}), len(pairs) - len(kept)
