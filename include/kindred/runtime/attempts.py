"""The folder of an attempt at work, and what is left of attempts that have ended before their commit.

On a disk, the process of an attempt holds a lock on a file in the attempt's folder; a lock ends with its process, so
what is left of a killed one is known at once. Object stores have no locks: there, a day has to pass.
"""

import contextlib
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from kindred.runtime import addresses, marks, references, storage
from kindred.runtime.file_names import LOCK, MARK, READING, SERVING

ORPHAN_SECONDS = 24 * 3600  # an attempt without a lock may be at work for this long


@contextlib.contextmanager
def at_work(home: str, attempt: str) -> Iterator[None]:
    """Hold the folder of an attempt in `home` while the block writes into it: it is not swept, and is as soon as this
    process has ended without having come to the block's end.
    """
    folder = storage.join(home, attempt)
    if not folder.startswith("file://"):
        yield
        return
    path = Path(storage.local(folder)) / LOCK
    with marks.locked(home):  # against who sweeps
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        with contextlib.suppress(OSError):  # a disk without locks: the file stays empty, and time has to pass
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.write(handle, socket.gethostname().encode())
    try:
        yield
        path.unlink(missing_ok=True)
    finally:
        os.close(handle)


def sweep(home: str, run: str, stage: str) -> list[str]:
    """Delete what attempts have left in `home`, the folder of a run's stage, or of work that runs share: of those that
    are not at work any more, and that no mark names. The names of the attempts that are gone.
    """
    fs, inside = storage.filesystem(home)
    if not fs.isdir(inside):
        return []
    with marks.locked(home):
        names = [Path(path).name for path in fs.ls(inside, detail=False)]
        ended = [name for name in names if marks.is_attempt(name) and has_ended(home, name)]
        named = _named(home, run, stage) if ended else set()  # asked last: what has ended can be committed no more
        orphans = [] if named is None else [name for name in ended if name not in named]
        for name in orphans:
            storage.delete(storage.join(home, name))
    return orphans


def began(name: str) -> float:
    """When an attempt began, in seconds since the epoch.

    >>> began("01700000000000000000-00000001")
    1700000000.0
    """
    return int(name[:20]) / 10**9


def has_ended(home: str, name: str) -> bool:
    """Whether the process of an attempt is gone: by its lock if it was this machine's, else by the time."""
    old = began(name) < time.time() - ORPHAN_SECONDS
    if not home.startswith("file://"):
        return old
    try:
        handle = os.open(Path(storage.local(home)) / name / LOCK, os.O_RDWR)
    except OSError:  # committed, of an older version, or another account's
        return old
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return old or os.read(handle, 999) == socket.gethostname().encode()
    except OSError:  # it is held
        return False
    finally:
        os.close(handle)


def _named(home: str, run: str, stage: str) -> set[str] | None:
    """The attempts that a file names which can name one in `home`: marks of the run, which may name each other's
    tables; marks of all runs, and notes of what they read (`earlier_versions.py`), where they share this work; and what
    is served. None where the mark of `home` cannot be read: it may stand for any.
    """
    try:
        marks.mark_of(home)
    except storage.UnreadableError:
        return None
    root = addresses.root_of(home, stage)
    files = [storage.join(home, MARK)]
    if root:
        files.append(storage.join(root, SERVING))
    if home == storage.join(run, stage):
        files += _files(run, MARK, depth=2)
    elif root:
        runs = [folder for dag in _folders(storage.join(root, "runs")) for folder in _folders(dag)]
        files += [storage.join(folder, stage, name) for folder in runs for name in (MARK, READING)]
    return references.names(references.read(files).values())


def _files(folder: str, name: str, depth: int) -> Iterator[str]:
    """The file of this name in each folder below, `depth` deep."""
    for below in _folders(folder):
        if not marks.is_attempt(below.rsplit("/", 1)[1]):
            yield storage.join(below, name)
            if depth > 1:
                yield from _files(below, name, depth - 1)


def _folders(folder: str) -> list[str]:
    fs, inside = storage.filesystem(folder)
    if not fs.isdir(inside):
        return []
    return [storage.join(folder, Path(i["name"]).name) for i in fs.ls(inside, detail=True) if i["type"] == "directory"]
