"""Which files lie below a folder, and their sizes: a folder on a disk without following its links, or a bucket."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from kindred.runtime import s3, s3_objects, storage


class Files(NamedTuple):
    """The size in bytes of each file by its path below the folder, and the symbolic links among the folders below it,
    of which nothing is listed.
    """

    sizes: dict[str, int]
    links: frozenset[str] = frozenset()

    def below(self, *folders: str) -> int:
        """The bytes below some of the folders.

        >>> Files({"runs/a/run.json": 2, "runs/ab/run.json": 3}).below("runs/a")
        2
        """
        starts = tuple(f"{folder}/" for folder in folders)
        return sum(size for path, size in self.sizes.items() if path.startswith(starts))


def of(folder: str) -> Files:
    """All files below the folder with this URI; none where there is no such folder."""
    if folder.startswith("file://"):
        return _on_disk(storage.local(folder))
    if s3.is_s3(folder):
        start = len(s3.split(folder.rstrip("/") + "/")[1])
        return Files({found.key[start:]: found.size for found in s3_objects.list_objects(folder)})
    fs, inside = storage.filesystem(folder)
    start = len(inside.rstrip("/")) + 1
    return Files({path[start:]: int(info["size"]) for path, info in fs.find(inside, detail=True).items()})


def of_paths(paths: Iterable[Path]) -> int:
    """The bytes of local files, and of all that is in local folders, together; what is not there has none."""
    total = 0
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            total += sum(_on_disk(str(path)).sizes.values())
        elif path.is_file():
            total += path.lstat().st_size
    return total


def _on_disk(folder: str) -> Files:
    sizes: dict[str, int] = {}
    links = set()
    for place, folders, names in os.walk(folder):
        start = os.path.relpath(place, folder)
        prefix = "" if start == "." else f"{start}/"
        links |= {prefix + name for name in folders if os.path.islink(os.path.join(place, name))}
        for name in names:
            try:
                sizes[prefix + name] = os.lstat(os.path.join(place, name)).st_size
            except FileNotFoundError:  # a temporary file that has just gone
                continue
    return Files(sizes, frozenset(links))
