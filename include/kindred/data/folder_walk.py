"""All files below a local folder: links are followed, and what is no file to read is named instead of opened."""

import os
import stat
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from kindred.runtime.errors import InputError

MAX_VISITS = 8  # of a folder by different links: more of them are a tangle, in which each folder leads to all others
# What a name stands for, if neither a file nor a folder.
KINDS = {stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket", stat.S_IFBLK: "a device", stat.S_IFCHR: "a device"}
NOT_UTF8 = "its name is not UTF-8; rename it"


class Found(NamedTuple):
    """A file below a folder: its name relative to it (`/` between the parts), its size in bytes, when it was changed
    last; or the reason why it cannot be read.
    """

    name: str
    size: int = 0
    changed: float = 0.0
    refused: str | None = None


class Walked(NamedTuple):
    """What is below a folder, by names relative to it: files, what was skipped, and folders with nothing in them."""

    files: list[Found]
    skipped: list[str]
    empty: list[str]


class _Folder(NamedTuple):
    path: str
    name: str  # relative to the root, with a slash at the end; "" for the root
    above: tuple[tuple[int, int], ...]  # device and inode of the folders that lead to it, and its own


def walk(root: str, skip: Callable[[str], bool]) -> Walked:
    """All that is in a folder and below it, sorted by name; `skip` says which names of files and folders to leave out.

    Links to files and folders are followed, wherever they lead; one that leads to a folder above it is refused. Raises
    InputError for a folder that cannot be listed.
    """
    walked = Walked([], [], [])
    visits: Counter[tuple[int, int]] = Counter()
    folders = [_Folder(root, "", (_identity(os.stat(root)),))]
    while folders:
        folder = folders.pop()
        names = _names(folder.path)
        wanted = [name for name in names if not skip(name)]
        walked.skipped.extend(folder.name + printable(name) for name in names if skip(name))
        if not wanted:
            walked.empty.append(folder.name.rstrip("/"))
        for name in wanted:
            below = _look(folder, name, visits)
            if isinstance(below, Found):
                walked.files.append(below)
            else:
                folders.append(below)
    return Walked(sorted(walked.files), sorted(walked.skipped), sorted(walked.empty))


def printable(name: str) -> str:
    r"""A name as text that any program can hold: bytes that are not UTF-8 as escapes.

    >>> printable(os.fsdecode(b"caf\xe9.png"))
    'caf\\xe9.png'
    """
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def check_name(path: str) -> None:
    """Raise InputError for a path that is not UTF-8: neither Spark nor a table can hold it."""
    if printable(path) != path:
        raise InputError(f"cannot read {printable(path)}: {NOT_UTF8}")


def explain(error: OSError) -> str:
    """Why the system refuses, in its own words."""
    return error.strerror or str(error)


def _names(path: str) -> list[str]:
    try:
        return sorted(os.listdir(path))
    except OSError as error:
        raise InputError(f"cannot list the folder {printable(path)}: {explain(error)}") from None


def _look(folder: _Folder, name: str, visits: Counter[tuple[int, int]]) -> Found | _Folder:
    """What a name in a folder stands for: a file, what is none, or a folder to look into."""
    path, shown = f"{folder.path}/{name}", folder.name + printable(name)
    try:
        status = os.stat(path)
    except OSError as error:
        return _unreachable(path, shown, error)
    kind = stat.S_IFMT(status.st_mode)
    if kind == stat.S_IFDIR:
        identity = _identity(status)
        visits[identity] += 1
        if identity in folder.above:
            return Found(shown, refused="a link to a folder above it")
        if visits[identity] > MAX_VISITS:
            return Found(shown, refused=f"a link to a folder that {MAX_VISITS} others lead to")
        return _Folder(path, f"{shown}/", (*folder.above, identity))
    if kind in KINDS:
        return Found(shown, refused=f"{KINDS[kind]}, not a file")
    if printable(path) != path:
        return Found(shown, refused=NOT_UTF8)
    return Found(shown, status.st_size, status.st_mtime)


def _unreachable(path: str, shown: str, error: OSError) -> Found:
    """A name that cannot be looked at. Raises InputError where its folder is the reason."""
    if os.path.islink(path):
        target = printable(os.readlink(path))
        return Found(shown, refused=f"a link to {target}, which cannot be followed: {explain(error)}")
    if isinstance(error, PermissionError):
        raise InputError(f"cannot look into the folder {printable(str(Path(path).parent))}: {explain(error)}") from None
    return Found(shown, refused=f"cannot be read: {explain(error)}")


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
