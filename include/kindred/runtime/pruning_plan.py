"""What may be deleted of KINDRED_DATA because nothing needs it.

What a mark of a run, whatever its state, a stage's note of what it reads (`earlier_versions.py`), or `serving.json`
names is never in the plan, nor is what began within a day. Where it cannot be known what is named (a broken mark, a run
behind a symbolic link), nothing that runs share is.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from kindred.runtime import attempts, caches, file_names, file_sizes, marks, references, storage
from kindred.runtime.file_sizes import Files

ATTEMPTS, DATASETS, FEATURES, STUDIES = "superseded attempts", "datasets", "features", "clusterings and cells"
RUNS_FOLDER, DATASETS_FOLDER = "runs", "datasets"
SHARED = {  # the folders of work that runs share: what depends on one lies below it
    DATASETS: re.compile(r"datasets/[^/]+(?=/)"),
    FEATURES: re.compile(r"datasets/[^/]+/featurize/[^/]+(?=/)"),
    STUDIES: re.compile(r"datasets/[^/]+/featurize/[^/]+/(?:advise_k|cluster|cell)/[^/]+(?=/)"),
}
IN_ATTEMPT = re.compile(rf"((?:runs|datasets)/.+?)/({references.ATTEMPT.pattern})/")  # home and name of the attempt


class Item(NamedTuple):
    """What goes as a whole: of which kind, the folder (or file) by its URI, its bytes, and the attempts in it."""

    kind: str
    place: str
    size: int
    attempts: frozenset[str] = frozenset()


@dataclass
class Plan:
    """What may go; the bytes of what nothing needs but began within a day; and why other things stay."""

    items: list[Item] = field(default_factory=list)
    young: int = 0
    notes: list[str] = field(default_factory=list)

    def sizes(self) -> dict[str, int]:
        """The bytes by kind."""
        kinds = dict.fromkeys(item.kind for item in self.items)
        return {kind: sum(item.size for item in self.items if item.kind == kind) for kind in kinds}

    def add(self, item: Item, ended: bool) -> None:
        """Take something that nothing needs, unless it may still be at work."""
        if ended:
            self.items.append(item)
        else:
            self.young += item.size


def plan(files: Files | None = None) -> Plan:
    """What may go of KINDRED_DATA, with these files (listed now, where they are not given)."""
    root = storage.join(storage.data_root())
    files = file_sizes.of(root) if files is None else files
    found = _attempts(files.sizes)
    ended = {name for home, names in found.items() for name in names if attempts.has_ended(f"{root}/{home}", name)}
    contents = read_marks(root)  # after that: what has ended is named by now, or never will be
    result = Plan(notes=_doubts(files, contents))
    if not result.notes:
        named = references.names(content for uri, content in contents.items() if not _is_shared(uri))
        gone = _plan_shared(result, files, found, ended, named)
        named |= references.names(contents.values())
        _plan_superseded(result, files, {h: n for h, n in found.items() if not _lies_in(h, gone)}, ended, named)
    result.notes += [f"{storage.local(root)}/{link} is a symbolic link and left alone" for link in _shared_links(files)]
    result.items += [Item(kind, storage.uri(str(path)), size) for kind, path, size in caches.unused()]
    return result


def read_marks(root: str, folders: Iterable[str] = (RUNS_FOLDER, DATASETS_FOLDER)) -> dict[str, bytes]:
    """The contents of all marks below these folders of KINDRED_DATA, of the notes of stages that read an earlier
    version of a dataset just now, and of `serving.json`, by their URIs.
    """
    listed = [f"{root}/{folder}/{path}" for folder in folders for path in file_sizes.of(f"{root}/{folder}").sizes]
    naming = [uri for uri in listed if is_mark(uri) or uri.endswith(f"/{file_names.READING}")]
    return references.read([*naming, f"{root}/{file_names.SERVING}"])


def is_mark(uri: str) -> bool:
    """Whether this is the address of a mark."""
    return uri.endswith(f"/{file_names.MARK}")


def _attempts(paths: Iterable[str]) -> dict[str, set[str]]:
    """The attempts of which something is there, by their homes."""
    found: dict[str, set[str]] = {}
    for path in paths:
        if match := IN_ATTEMPT.match(path):
            found.setdefault(match[1], set()).add(match[2])
    return found


def _doubts(files: Files, contents: Mapping[str, bytes]) -> list[str]:
    """Why it is not known what is named."""
    root = storage.local(storage.join(storage.data_root()))
    links = sorted(link for link in files.links if link == RUNS_FOLDER or link.startswith(f"{RUNS_FOLDER}/"))
    linked = [f"{root}/{link} is a symbolic link, so what the runs behind it need is not known" for link in links]
    broken = [flaw for uri, content in contents.items() if (flaw := _flaw(uri, content))]
    return [f"{doubt}: no dataset, features or attempt is deleted" for doubt in [*linked, *broken]]


def _flaw(uri: str, content: bytes) -> str:
    """Why a mark, or the pointer to what is served, cannot be read; empty where it can, or where there is none."""
    try:
        if is_mark(uri):
            marks.parse(content, uri.rpartition("/")[0])
        elif content:
            storage.parse_json(content, uri)
    except storage.UnreadableError as error:
        return error.fault
    return ""


def _is_shared(uri: str) -> bool:
    return uri.startswith(storage.join(storage.data_root(), DATASETS_FOLDER) + "/")


def _shared_links(files: Files) -> list[str]:
    return sorted(link for link in files.links if f"{link}/".startswith(f"{DATASETS_FOLDER}/"))


def _lies_in(place: str, folders: Iterable[str]) -> bool:
    return any(f"{place}/".startswith(f"{folder}/") for folder in folders)


def _plan_shared(
    result: Plan, files: Files, found: Mapping[str, set[str]], ended: set[str], named: set[str]
) -> list[str]:
    """Plan the shared work of which no run names anything; its folders."""
    gone: list[str] = []
    for kind, pattern in SHARED.items():
        for place in sorted({match[0] for path in files.sizes if (match := pattern.match(path))}):
            inside = {name for home, names in found.items() if _lies_in(home, [place]) for name in names}
            if not inside & named and not _lies_in(place, gone):
                item = Item(kind, storage.join(storage.data_root(), place), files.below(place), frozenset(inside))
                result.add(item, inside <= ended)
                gone.append(place)
    return gone


def _plan_superseded(
    result: Plan, files: Files, found: Mapping[str, set[str]], ended: set[str], named: set[str]
) -> None:
    """Plan the attempts that no mark names."""
    for home, names in sorted(found.items()):
        for name in sorted(names - named):
            place = f"{home}/{name}"
            item = Item(ATTEMPTS, storage.join(storage.data_root(), place), files.below(place), frozenset([name]))
            result.add(item, name in ended)
