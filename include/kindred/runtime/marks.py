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
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kindred.runtime import s3, s3_objects, storage
from kindred.runtime.file_names import MARK

ORPHAN_SECONDS = 24 * 3600  # an attempt without a mark may be at work for this long before a later one sweeps it away


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
    """The mark of the stage that owns `folder`, or None where it has not finished."""
    return storage.find_json(storage.join(folder, MARK))


def same_work(one: dict[str, Any] | None, other: dict[str, Any]) -> bool:
    """Whether two marks stand for the same work: the same arguments on the same inputs."""
    return one is not None and (one["arguments"], one["inputs"]) == (other["arguments"], other["inputs"])


def commit(folder: str, mark: dict[str, Any]) -> dict[str, Any]:
    """Put the mark of a finished attempt, unless one stands that did the same work or began later. The one that
    stands.
    """
    path = storage.join(folder, MARK)
    with _lock(folder):
        while True:
            content, version = _versioned(path)
            standing = None if content is None else json.loads(content)
            if standing and (same_work(standing, mark) or standing["attempt"] > mark["attempt"]):
                return standing
            if _put_unless_changed(path, storage.json_bytes(mark), version):
                return mark


def _versioned(path: str) -> tuple[bytes | None, str | None]:
    """A small file and, on S3, its version."""
    return (s3_objects.find(path) or (None, None)) if s3.is_s3(path) else (storage.find_bytes(path), None)


def _put_unless_changed(path: str, content: bytes, version: str | None) -> bool:
    """Put a small file; on S3 only if it still has the version that was read, which elsewhere the lock ensures."""
    if s3.is_s3(path):
        return s3_objects.put_unless_changed(path, content, version)
    storage.put_bytes(path, content)
    return True


def sweep(folder: str) -> list[str]:
    """Delete what killed attempts left in a stage's folder. The names of the attempts that are gone."""
    fs, inside = storage.filesystem(folder)
    if not fs.isdir(inside):
        return []
    standing = (mark_of(folder) or {}).get("attempt")
    oldest = time.time_ns() - ORPHAN_SECONDS * 10**9
    names = [Path(path).name for path in fs.ls(inside, detail=False)]
    orphans = [n for n in names if is_attempt(n) and n != standing and int(n[:20]) < oldest]
    for name in orphans:
        storage.delete(storage.join(folder, name))
    return orphans


@contextlib.contextmanager
def _lock(folder: str) -> Iterator[None]:
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
