"""The mark that commits a stage's work.

A stage has a folder. Each attempt writes into a fresh folder inside it, and the stage ends by putting `_DONE.json`,
which names the attempt, in one atomic put. Readers go by that file alone, so whatever is killed, they see the old
work or the new, never half of it. No rename is needed, so the same holds on an object store, where a put under a
condition (If-Match, If-None-Match) does what a lock does on a disk.
"""

import contextlib
import fcntl
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from kindred.runtime import addresses, committed_files, s3, s3_objects, storage
from kindred.runtime.file_names import MARK

DIGEST = "digest"  # of all that a mark says
AGAIN = "`make run` with the RUN_ID and the CONF of its run makes it again"
KEYS: dict[str, type] = {  # what each mark says
    **{"stage": str, "attempt": str, "folder": str, "summary": str},
    **{"arguments": dict, "inputs": dict, "tables": dict, "figures": dict, "facts": dict},
}


def new_attempt() -> str:
    """The name of an attempt's folder; names sort by the time at which their attempts began."""
    return f"{time.time_ns():020d}-{secrets.token_hex(4)}"


def is_attempt(name: str) -> bool:
    """Whether this is the name of an attempt.

    >>> is_attempt(new_attempt()), is_attempt("../images")
    (True, False)
    """
    return re.fullmatch(r"\d{20}-[0-9a-f]{8}", name, re.ASCII) is not None


def mark_of(folder: str) -> dict[str, Any] | None:
    """The mark of the stage that owns `folder`, or None where it has not finished. Raises storage.UnreadableError for
    one that is cut, empty, of a newer version ...
    """
    content = _content(storage.join(folder, MARK))
    return None if content is None else parse(content, folder)


def find_whole(folder: str, say: Callable[[str], None]) -> dict[str, Any] | None:
    """The mark of finished work that can be used again: one that says all, and whose files are all there. Where it is
    not, `say` gets why, and the work has to be done again.
    """
    try:
        mark = mark_of(folder)
    except storage.UnreadableError as error:
        say(f"{error.fault}: made again")
        return None
    if mark is not None and (flaw := flaw_of(mark)):
        say(f"{flaw}: made again")
        return None
    return mark


def flaw_of(mark: dict[str, Any]) -> str:
    """What is missing of a mark, or of the files that it names; empty where nothing is."""
    if lacking := [name for name in KEYS if name not in mark]:
        return f"its mark has no {lacking[0]!r}"
    return committed_files.flaw(mark)


def put(folder: str, mark: dict[str, Any]) -> None:
    """Put a mark into the folder of a stage, whatever stands there."""
    path = storage.join(folder, MARK)
    while not _put_unless_changed(path, content_of(mark, folder), _versioned(path)[1]):
        pass


def content_of(mark: dict[str, Any], folder: str) -> bytes:
    """The content of the file that a mark is in the folder of a stage."""
    record = json.loads(storage.json_bytes(addresses.stored(mark, folder)))  # as it will be read
    return storage.json_bytes({**record, DIGEST: storage.fingerprint(record)})


def same_work(one: dict[str, Any] | None, other: dict[str, Any]) -> bool:
    """Whether two marks stand for the same work: the same arguments on the same inputs."""
    return one is not None and (one["arguments"], one["inputs"]) == (other["arguments"], other["inputs"])


def commit(folder: str, mark: dict[str, Any]) -> dict[str, Any]:
    """Put the mark of a finished attempt, unless one stands that did the same work or began later, and whose files are
    all there. The one that stands.
    """
    path = storage.join(folder, MARK)
    with locked(folder):
        while True:
            content, version = _versioned(path)
            standing = _usable(content, folder)
            if standing and (same_work(standing, mark) or standing["attempt"] > mark["attempt"]):
                return standing
            if _put_unless_changed(path, content_of(mark, folder), version):
                return mark


def _usable(content: bytes | None, folder: str) -> dict[str, Any] | None:
    """A mark that stands, unless it, or a file of it, is broken."""
    if content is None:
        return None
    try:
        mark = parse(content, folder)
        whole = all(name in mark for name in ("arguments", "inputs", "attempt"))
        return mark if whole and not committed_files.flaw(mark) else None
    except storage.UnreadableError:
        return None


def _content(path: str) -> bytes | None:
    try:
        return storage.find_bytes(path)
    except IsADirectoryError:
        return b""


def parse(content: bytes, folder: str) -> dict[str, Any]:
    """The mark that is the content of a file in the folder of a stage. Raises storage.UnreadableError."""
    path = storage.join(folder, MARK)
    record = storage.parse_json(content, path, AGAIN)
    version = record.get("format", 0)
    if not isinstance(version, int) or version > addresses.FORMAT:
        raise storage.unreadable(path, f"it is of a newer version: its format is {version!r}", AGAIN)
    digest = record.pop(DIGEST, None)  # an older mark has none
    if digest is not None and digest != storage.fingerprint(record):
        raise storage.unreadable(path, "it was changed", AGAIN)
    for name, kind in {**KEYS, "files": dict}.items():
        if name in record and not isinstance(record[name], kind):
            raise storage.unreadable(path, f"its {name!r} is none", AGAIN)
    return addresses.resolved(record, folder)


def _versioned(path: str) -> tuple[bytes | None, str | None]:
    """A small file and, on S3, its version."""
    return (s3_objects.find(path) or (None, None)) if s3.is_s3(path) else (_content(path), None)


def _put_unless_changed(path: str, content: bytes, version: str | None) -> bool:
    """Put a small file; on S3 only if it still has the version that was read, which elsewhere the lock ensures."""
    if s3.is_s3(path):
        return s3_objects.put_unless_changed(path, content, version)
    if path.startswith("file://") and Path(storage.local(path)).is_dir():  # no mark, and in its way
        storage.delete(path)
    storage.put_bytes(path, content)
    return True


@contextlib.contextmanager
def locked(folder: str) -> Iterator[None]:
    """Hold a local folder against other processes. On S3, which has no locks, a conditional put stands for it."""
    if not folder.startswith("file://"):
        yield
        return
    path = Path(storage.local(folder))
    path.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
