"""The folders in which a tree of processes keeps temporary files, Spark's above all: they go with the tree.

Spark deletes its own files when a job ends, but not when it is killed. Each folder is locked as long as the command or
its guard lives; what is not locked was left by both being killed, and goes at the next command's start.
"""

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
import time
from pathlib import Path

SPARK = "SPARK_LOCAL_DIRS"  # of shuffles and spilled data: one folder, or several, with commas between them
JAVA = "KINDRED_SCRATCH"  # of what Java unpacks
FRESH_SECONDS = 5  # in which a new folder may have no lock yet


class Scratch:
    """One folder for a tree's temporary files on each of the disks that SPARK_LOCAL_DIRS names, or the system's."""

    def __init__(self, env: dict[str, str], tree: str) -> None:
        roots = [root.strip() for root in env.get(SPARK, "").split(",") if root.strip()] or [tempfile.gettempdir()]
        self._roots = [Path(root).absolute() for root in roots]  # the guard is in another folder
        self.folders = [root / f"kindred-{tree}" for root in self._roots]
        self.locks: list[int] = []  # file descriptors, which the guard inherits
        self.env = {SPARK: ",".join(map(str, self.folders)), JAVA: str(self.folders[0])}

    def make(self) -> None:
        """Make the folders, and delete what was left in their place."""
        for root, folder in zip(self._roots, self.folders, strict=True):
            root.mkdir(parents=True, exist_ok=True)
            _delete_left(root)
            folder.mkdir(mode=0o700)
            self.locks.append(os.open(folder, os.O_RDONLY))
            with contextlib.suppress(OSError):  # a disk without locks
                fcntl.flock(self.locks[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)

    def close(self) -> None:
        """Delete the folders."""
        delete(self.folders)
        for lock in self.locks:
            os.close(lock)
        self.locks.clear()


def delete(folders: list[Path]) -> None:
    """Delete folders, as far as that is possible."""
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _delete_left(root: Path) -> None:
    for folder in root.glob("kindred-*"):
        with contextlib.suppress(OSError):
            if re.fullmatch(r"kindred-[0-9a-f]{32}", folder.name) and not folder.is_symlink() and _is_left(folder):
                delete([folder])


def _is_left(folder: Path) -> bool:
    """Whether a folder is this account's, and neither its command nor that one's guard lives."""
    status = folder.stat()
    if status.st_uid != os.getuid() or status.st_mtime > time.time() - FRESH_SECONDS:
        return False
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True
