"""What the local cache holds that nothing uses any more: all of it can be copied, or made, again."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from kindred.runtime import file_sizes, kept_runs, runs, storage

SERVED, UNUSED, LEFT = "served copies", "unused caches", "broken copies"
SERVED_FOLDER = "served"  # copies of what is searched, each by its fingerprint; serving.json names the last two
MADE_AGAIN = ("checked", "graphs", "indexes", "neighbours")  # folders of what is made again where it is missing
UNUSED_SECONDS = 30 * 24 * 3600  # since it was last read or written
FRESH_SECONDS = 24 * 3600  # in which a command that copies, or a page that serves, may still use something


class Cached(NamedTuple):
    """A file or folder of the cache that may go: of which kind, and its bytes."""

    kind: str
    path: Path
    size: int


def folder() -> Path | None:
    """The cache, or None where there is none, or a link has taken its place: what lies behind it is left alone."""
    if own := os.environ.get("KINDRED_CACHE"):
        place = Path(own)
    elif storage.data_root().startswith("file://"):
        place = Path(storage.local(storage.data_root()), runs.CACHE)
    else:
        return None
    return place if place.is_dir() and (own or not place.is_symlink()) else None


def unused() -> list[Cached]:
    """What may go: copies of what is served no longer, what was not used for 30 days, what killed commands left."""
    root, now = folder(), time.time()
    if root is None:
        return []
    found = [*_served(root, now), *_unused(root, now), *_left(root, now)]
    return [Cached(kind, path, file_sizes.of_paths([path])) for kind, path in sorted(found)]


def _served(root: Path, now: float) -> Iterator[tuple[str, Path]]:
    pointer = kept_runs.pointer() or {}
    kept = {pointer.get("fingerprint"), pointer.get("before_fingerprint")}
    for path in _entries(root / SERVED_FOLDER):
        if path.name not in kept and not path.name.startswith(".") and _used(path) < now - FRESH_SECONDS:
            yield SERVED, path


def _unused(root: Path, now: float) -> Iterator[tuple[str, Path]]:
    for name in MADE_AGAIN:
        for path in _entries(root / name):
            files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else []
            if max(map(_used, [path, *files])) < now - UNUSED_SECONDS:
                yield UNUSED, path


def _left(root: Path, now: float) -> Iterator[tuple[str, Path]]:
    """Hidden files and folders: each is made under such a name, and gets its own when it is whole."""
    for below in _entries(root):
        for path in _entries(below) if below.is_dir() else []:
            if path.name.startswith(".") and _used(path) < now - FRESH_SECONDS:
                yield LEFT, path


def _entries(place: Path) -> list[Path]:
    """What lies in a folder, links apart; nothing of one that is a link itself, or is not there."""
    if place.is_symlink() or not place.is_dir():
        return []
    return [path for path in place.iterdir() if not path.is_symlink()]


def _used(path: Path) -> float:
    """When a file was last read or written, or something was put into a folder; seconds since the epoch."""
    status = path.stat()
    return status.st_mtime if path.is_dir() else max(status.st_atime, status.st_mtime)
