"""The classes of Open Images: ids such as `/m/0cyhj_`, their names (not unique), and the hierarchy of kinds."""

import csv
import difflib
import io
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from kindred.data import label_spelling
from kindred.data.open_images_files import Files
from kindred.runtime import storage
from kindred.runtime.errors import InputError
from kindred.runtime.log_lines import one_line

COLUMNS = ["LabelName", "DisplayName"]
NEAREST = 3  # names that an error offers for one that is not there
LIKENESS = 0.5  # of those names, from 0 to 1, as difflib measures it


def read_names(files: Files) -> dict[str, str]:
    """The name of each class by its id, of all tables of names: that of a later release counts."""
    names: dict[str, str] = {}
    for table in files.descriptions:
        names |= names_in(storage.read_bytes(table.file.uri), one_line(storage.local(table.file.uri)))
    return names


def names_in(content: bytes, path: str) -> dict[str, str]:
    """The name of each class by its id, from a table with the header LabelName,DisplayName or, as those of boxes have
    it, without. Raises InputError, which names the table `path` and the line, for what does not fit.

    >>> names_in(b"LabelName,DisplayName\\n/m/07j7r,Tree\\n", "names.csv")
    {'/m/07j7r': 'Tree'}
    >>> names_in(b"/m/07j7r,Tree\\n", "names.csv")
    {'/m/07j7r': 'Tree'}
    """
    try:
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is no CSV file in UTF-8: {error}") from None
    names: dict[str, str] = {}
    for line, row in enumerate(rows, 1):
        if not row or (line == 1 and row == COLUMNS):
            continue
        if len(row) != len(COLUMNS) or not row[0].startswith("/"):
            raise InputError(f"{path} line {line} must be {','.join(COLUMNS)}, such as /m/07j7r,Tree; got {row!r:.100}")
        names[row[0]] = label_spelling.plain(row[1])
    return names


def find(wanted: Sequence[str], names: Mapping[str, str], fewest: int = 2) -> dict[str, str]:
    """The classes that a person names, by name or id, in the given order: the label of each id, which is its name, or
    where two of them share that, the name with the id. Upper and lower case differ only where both are names.

    Raises InputError for fewer than `fewest` classes, one that is named twice, an unknown one, and a name of several
    ids.

    >>> find(["tree", "/m/09d_r"], {"/m/07j7r": "Tree", "/m/09d_r": "Mountain"})
    {'/m/07j7r': 'Tree', '/m/09d_r': 'Mountain'}
    """
    ids = [_find(label_spelling.plain(one), names) for one in wanted]
    if repeated := next((one for one in ids if ids.count(one) > 1), None):
        raise InputError(f"classes names {names.get(repeated, repeated)!r} ({repeated}) twice")
    if len(ids) < fewest:
        least = "two classes" if fewest == 2 else "a class"
        raise InputError(f"classes needs {least} or more of Open Images, by name or id; got {list(wanted)!r}")
    labels = [names.get(one) or one for one in ids]
    return {
        one: f"{label} ({one})" if labels.count(label) > 1 else label for one, label in zip(ids, labels, strict=True)
    }


def _find(text: str, names: Mapping[str, str]) -> str:
    """The id of one class."""
    if text in names:
        return text
    exact = sorted(one for one, name in names.items() if name == text)
    ids = exact or sorted(one for one, name in names.items() if name.casefold() == text.casefold())
    if len(ids) > 1:
        raise InputError(f"the name {text!r} stands for {len(ids)} classes: choose one by its id: {', '.join(ids)}")
    if not ids:
        raise InputError(f"no class {text!r}{_nearest(text, names)}")
    return ids[0]


def _nearest(text: str, names: Mapping[str, str]) -> str:
    """The names most like one that is not there, with their ids."""
    if not names:
        return ": no class-descriptions.csv is there, so classes are named by their ids"
    if text.startswith("/"):
        return ": no class has this id; name it as class-descriptions.csv does"
    by_name: dict[str, str] = {}
    for one, name in names.items():
        by_name.setdefault(name.casefold(), f"{name} ({one})")
    alike = difflib.get_close_matches(text.casefold(), by_name, NEAREST, LIKENESS)
    return f"; nearest: {', '.join(by_name[name] for name in alike)}" if alike else "; see class-descriptions.csv"


class Hierarchy(NamedTuple):
    """Which classes each class is a kind of, directly: parents by the child's id; `unknown` are ids without a name,
    but for the root.
    """

    parents: dict[str, frozenset[str]]
    unknown: list[str]

    def ancestors(self, one: str) -> set[str]:
        """All classes that a class is a kind of: where it is present, they are."""
        found: set[str] = set()
        queue = [one]
        while queue:
            new = self.parents.get(queue.pop(), frozenset()) - found
            found |= new
            queue += new
        return found

    def descendants(self, ids: Collection[str]) -> dict[str, set[str]]:
        """The kinds of each of some classes: where one of them is present, the class is."""
        kinds: dict[str, set[str]] = {one: set() for one in ids}
        for child in self.parents:
            for one in self.ancestors(child) & kinds.keys():
                kinds[one].add(child)
        return kinds


def read_hierarchy(files: Files, names: Mapping[str, str]) -> Hierarchy:
    """What all hierarchies say together; where there is none, no class is a kind of another."""
    parents: dict[str, frozenset[str]] = {}
    unknown: set[str] = set()
    for file in files.hierarchies:
        path = one_line(storage.local(file.uri))
        try:
            tree = json.loads(storage.read_bytes(file.uri))
        except (ValueError, RecursionError):
            raise InputError(f"{path} is cut or no JSON") from None
        found = hierarchy_of(tree, names, path)
        unknown |= set(found.unknown)
        parents |= {child: of | parents.get(child, frozenset()) for child, of in found.parents.items()}
    return Hierarchy(parents, sorted(unknown))


def hierarchy_of(tree: Any, names: Mapping[str, str], path: str) -> Hierarchy:
    """A hierarchy from its JSON: objects with LabelName and, optionally, a list Subcategory of more of them. What
    stands under Part is a part, not a kind: a wheel is no car. Raises InputError for another shape, and where no id has
    a name.

    >>> fruit = {"LabelName": "/m/root", "Subcategory": [{"LabelName": "/m/apple"}]}
    >>> hierarchy_of(fruit, {"/m/apple": "Apple"}, "hierarchy.json").ancestors("/m/apple")
    {'/m/root'}
    """
    parents: dict[str, set[str]] = {}
    ids: set[str] = set()
    try:
        for child, parent in _edges(tree):
            ids.add(child)
            if parent is not None:
                parents.setdefault(child, set()).add(parent)
        root = tree["LabelName"]
    except (TypeError, KeyError, AttributeError, RecursionError):
        shape = '{"LabelName": id, "Subcategory": [...]}'
        raise InputError(f"{path} is no hierarchy of Open Images: it must hold objects {shape}") from None
    hierarchy = Hierarchy({child: frozenset(of) for child, of in parents.items()}, sorted(ids - names.keys() - {root}))
    if circle := next((one for one in parents if one in hierarchy.ancestors(one)), None):
        raise InputError(f"{path} says that {circle} is a kind of itself")
    if names and ids - {root} and len(hierarchy.unknown) == len(ids - {root}):
        first = ", ".join(hierarchy.unknown[:NEAREST])
        raise InputError(f"{path} names only ids that class-descriptions.csv does not: {first}")
    return hierarchy


def _edges(node: Any, parent: str | None = None) -> Iterator[tuple[str, str | None]]:
    """Each id and its parent, from the root on; a part has none."""
    one = node["LabelName"]
    if not isinstance(one, str):
        raise TypeError(one)
    yield one, parent
    for kind in _list(node.get("Subcategory", [])):
        yield from _edges(kind, one)
    for part in _list(node.get("Part", [])):
        yield from _edges(part)


def _list(value: Any) -> Iterable[Any]:
    if not isinstance(value, list):
        raise TypeError(value)
    return value
