"""The work of earlier versions of a dataset, of which a new version may reuse rows.

A version is the folder of a dataset's name and fingerprint. The rows are copied, so a version needs an earlier one only
while it is made: for so long a note in the run's folder names the attempt that is read, and `make prune` leaves that
alone. A run puts the note first, and then looks whether the mark still stands; who deletes takes the mark away first,
and then looks for notes: at least one sees the other (`pruning.py`). A note of a killed try stays until the stage is
tried again, or the run is deleted.
"""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from kindred.runtime import attempts, marks, references, stages, storage
from kindred.runtime.file_names import MARK, READING

Mark = dict[str, Any]
WORK = re.compile(r"(.+/datasets)/((.+)-[0-9a-f]{12})/(ingest|featurize/[^/]+)", re.DOTALL)


class Earlier(NamedTuple):
    """The work of an earlier version that is read: the version's name, and the mark."""

    version: str
    mark: Mark

    @property
    def made(self) -> str:
        """When it was made, in local time, for people."""
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(attempts.began(self.mark["attempt"])))


def hold(
    run: str, stage: str, home: str, read_with: Mark, fits: Callable[[Mark], bool], say: Callable[[str], None]
) -> Earlier | None:
    """The same work as that of the folder `home` in an earlier version of the dataset, of those for which `fits` holds:
    of the same path, and if possible of the same limit, as ingest had by its arguments `read_with`; of several the
    newest. It is not pruned until `release`. None where there is none.
    """
    for earlier in _candidates(home, read_with):
        if not fits(earlier.mark):
            continue
        if flaw := marks.flaw_of(earlier.mark):
            say(f"{flaw}: nothing is reused from {earlier.version}")
            continue
        attempt = earlier.mark["attempt"]
        storage.put_json(_note(run, stage), {"stage": stage, "version": earlier.version, "attempt": attempt})
        standing = storage.find_bytes(storage.join(_home_of(earlier.mark), MARK)) or b""
        if attempt.encode() in standing:
            return earlier
    release(run, stage)
    return None


def release(run: str, stage: str) -> None:
    """Earlier versions are needed by this stage no longer."""
    storage.delete(_note(run, stage))


def _candidates(home: str, read_with: Mark) -> Iterator[Earlier]:
    """The same work in other versions of a dataset on the same path, best first."""
    place = WORK.fullmatch(home)
    if place is None:  # not where datasets lie: a benchmark's
        return
    root, own, name, work = place.groups()
    homes = {version: storage.join(root, version, work) for version in _versions(root, name) if version != own}
    ingests = {version: storage.join(root, version, stages.INGEST) for version in homes}
    contents = references.read(storage.join(folder, MARK) for folder in [*homes.values(), *ingests.values()])

    def rank(of: tuple[Earlier, Mark]) -> tuple[bool, str]:
        return of[1].get("limit") == read_with.get("limit"), of[0].mark["attempt"]

    found = []
    for version, folder in homes.items():
        mark = _parsed(contents, folder)
        ingested = (_parsed(contents, ingests[version]) or {}).get("arguments", {})
        if mark is not None and (ingested.get("path") or "") == (read_with.get("path") or ""):
            found.append((Earlier(version, mark), ingested))
    yield from (earlier for earlier, _ in sorted(found, key=rank, reverse=True))


def _versions(root: str, name: str) -> list[str]:
    """The folders of the versions of a dataset."""
    fs, inside = storage.filesystem(root)
    folders = [Path(path).name for path in fs.ls(inside, detail=False)] if fs.isdir(inside) else []
    return [folder for folder in folders if re.fullmatch(rf"{re.escape(name)}-[0-9a-f]{{12}}", folder)]


def _parsed(contents: dict[str, bytes], folder: str) -> Mark | None:
    """The mark of finished work; None where there is none, or none that can be read: that is said by who makes it."""
    content = contents[storage.join(folder, MARK)]
    try:
        mark = marks.parse(content, folder) if content else {}
    except storage.UnreadableError:
        return None
    return mark if marks.KEYS.keys() <= mark.keys() else None


def _home_of(mark: Mark) -> str:
    return str(mark["folder"]).rsplit("/", 1)[0]


def _note(run: str, stage: str) -> str:
    return storage.join(run, stage, READING)
