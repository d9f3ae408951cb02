"""Addresses in the records of a run and of a dataset, relative to the run's folder and to KINDRED_DATA, so that both
can be moved and copied.

A record is a mark or a run.json. As it is stored, `{run}` stands for the folder of the run in which it lies, `{data}`
for the folder that holds all runs and datasets. Where the record lies says which these are. An address elsewhere (the
images of a person, a bucket) is stored as it is.
"""

import re
from collections.abc import Callable
from typing import Any

from kindred.runtime import storage

FORMAT = 2  # of a stored record; those without this entry hold whole addresses
RUN, DATA, LITERAL = "{run}", "{data}", "{}"


def stored(record: dict[str, Any], place: str) -> dict[str, Any]:
    """A record as it is stored in the folder `place`.

    >>> stored({"stage": "gate", "folder": "file:///d/runs/a/b/gate/1"}, "file:///d/runs/a/b/gate")
    {'stage': 'gate', 'folder': '{run}/gate/1', 'format': 2}
    """
    stage = record.get("stage", "")
    bases = [(run, RUN)] if (run := _run_of(place, stage)) else []
    if root := root_of(place, stage):
        bases.append((root, DATA))

    def shorten(text: str) -> str:
        for base, name in bases:
            if _below(text, base):
                return name + text[len(base) :]
        return LITERAL + text if text.startswith((RUN, DATA, LITERAL)) else text

    return {**_mapped(record, shorten), "format": FORMAT}


def resolved(record: dict[str, Any], place: str) -> dict[str, Any]:
    """A record that is stored in the folder `place`, with whole addresses. In one of an older version, which has whole
    ones already, they are those of now: of the folder in which the record lies, if that has been moved since.

    >>> resolved({"stage": "gate", "folder": "{run}/gate/1", "format": 2}, "file:///moved/runs/a/b/gate")
    {'stage': 'gate', 'folder': 'file:///moved/runs/a/b/gate/1'}
    >>> resolved({"stage": "gate", "attempt": "1", "folder": "file:///d/runs/a/b/gate/1"}, "file:///moved/runs/a/b/gate")
    {'stage': 'gate', 'attempt': '1', 'folder': 'file:///moved/runs/a/b/gate/1'}
    """
    stage = record.get("stage", "")
    if "format" not in record:
        return _followed(record, place, stage)
    run, data = _run_of(place, stage) or place, root_of(place, stage) or storage.data_root()

    def whole(text: str) -> str:
        if text.startswith(LITERAL):
            return text[len(LITERAL) :]
        for name, base in ((RUN, run), (DATA, data)):
            if _below(text, name):
                return base + text[len(name) :]
        return text

    return _mapped({name: value for name, value in record.items() if name != "format"}, whole)


def in_data(uri: str) -> str:
    """An address as a file in KINDRED_DATA holds it.

    >>> in_data("s3a://bucket/runs/a/b")
    's3a://bucket/runs/a/b'
    """
    root = storage.data_root()
    return DATA + uri[len(root) :] if _below(uri, root) else uri


def from_data(text: str) -> str:
    """An address that a file in KINDRED_DATA holds. One of an older version is whole: it is that of the run which lies
    here under the same names, if there is one, for KINDRED_DATA may have been moved since.
    """
    root = storage.data_root()
    if _below(text, DATA):
        return root + text[len(DATA) :]
    match = re.fullmatch(r".*[^/:](/runs/[^/]+/[^/]+(?:/[^/]+/[^/]+)?)", text, re.DOTALL)
    return root + match[1] if match and not _below(text, root) and _is_there(root + match[1]) else text


def root_of(place: str, stage: str = "") -> str | None:
    """The KINDRED_DATA to which the folder of a run, of a `stage` of it, or of the work of a dataset belongs, by its
    place; None for a place elsewhere, as a published run's.

    >>> root_of("file:///data/runs/self_training/first/gate", "gate")
    'file:///data'
    >>> root_of("file:///data/datasets/digits-12ab/featurize/pixels-34cd", "featurize")
    'file:///data'
    """
    match = _DATASET.fullmatch(place)
    if match is None and (run := _run_of(place, stage)):
        match = _RUN.fullmatch(run)
    return match[1] if match else None


_RUN = re.compile(r"(.*[^/:])/runs/[^/]+/[^/]+", re.DOTALL)
_DATASET = re.compile(r"(.*[^/:])/datasets/[^/]+/(?:ingest|featurize/.+)", re.DOTALL)


def _run_of(place: str, stage: str) -> str | None:
    """The folder of the run to which the folder of a stage belongs; None for the work of a dataset, which has none."""
    if _DATASET.fullmatch(place):
        return None
    return place.removesuffix(f"/{stage}") if stage else place


def _below(text: str, base: str) -> bool:
    return text == base or text.startswith(f"{base}/")


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    """A value of JSON whose texts, and names, have been changed."""
    if isinstance(value, dict):
        return {change(str(name)): _mapped(below, change) for name, below in value.items()}
    if isinstance(value, list):
        return [_mapped(below, change) for below in value]
    return change(value) if isinstance(value, str) else value


def _moved(record: dict[str, Any], before: str, now: str) -> dict[str, Any]:
    """A record whose addresses below the folder `before` are below `now`."""

    def change(text: str) -> str:
        return now + text[len(before) :] if _below(text, before) else text

    moved: dict[str, Any] = _mapped(record, change)
    return moved


def _followed(record: dict[str, Any], place: str, stage: str) -> dict[str, Any]:
    """An older record, which follows its folder: where that belongs to another KINDRED_DATA now than its addresses, and
    where a run was copied as a whole.
    """
    home = _home(record, stage)
    if home is None:
        return record
    before, now = root_of(home, stage), root_of(place, stage)
    if before and now and before != now:
        record, home = _moved(record, before, now), now + home[len(before) :]
    run_before, run_now = _run_of(home, stage), _run_of(place, stage)
    if run_before and run_now and run_before != run_now and _is_there(storage.join(place, record.get("attempt", ""))):
        record = _moved(record, run_before, run_now)
    return record


def _home(record: dict[str, Any], stage: str) -> str | None:
    """The folder for which an older record was made."""
    if isinstance(folder := record.get("folder"), str) and isinstance(attempt := record.get("attempt"), str):
        return folder.removesuffix(f"/{attempt}")
    tags = record.get("tags")  # of a run.json
    folder = tags.get("kindred.folder") if isinstance(tags, dict) else None
    return folder if isinstance(folder, str) and not stage else None


def _is_there(folder: str) -> bool:
    fs, inside = storage.filesystem(folder)
    return bool(fs.exists(inside))
