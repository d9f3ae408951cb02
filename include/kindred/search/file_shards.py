"""A file for each image of an index by its id: its picture, or its keypoints. Knows nothing of Spark.

A shard holds the images whose ids, which are hashes, lie in its part of all hashes: `<number>-ids.npy` [n] (rising),
`<number>-ends.npy` [n] (where each file ends) and `<number>-files.npy` (all files, one after the other), mapped into
memory.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kindred.runtime import file_checks, file_names, storage
from kindred.runtime.checked_copy import Checksum
from kindred.runtime.errors import InputError
from kindred.search import index_files, shards

IMAGE_ID = re.compile("[0-9a-f]{32}")


class FileShard(NamedTuple):
    ids: np.ndarray
    ends: np.ndarray
    files: np.ndarray


@dataclass(frozen=True, eq=False)
class FileShards:
    """The files in a local folder, in `count` shards, of which those in `filled` have images. A shard is opened, and
    checked, when it is first needed.
    """

    folder: Path
    count: int
    filled: frozenset[int]
    checksums: Mapping[str, Checksum]
    _opened: dict[int, FileShard] = field(default_factory=dict, init=False)

    def file(self, image_id: str) -> bytes | None:
        """The file of an image, or None where there is none. Raises InputError for a damaged shard."""
        if not IMAGE_ID.fullmatch(image_id):
            return None
        number = shard_of(image_id, self.count)
        if number not in self.filled:
            return None
        shard = self._shard(number)
        row = int(np.searchsorted(shard.ids, image_id.encode()))
        if row == len(shard.ids) or shard.ids[row] != image_id.encode():
            return None
        content: bytes = shard.files[shard.ends[row - 1] if row else 0 : shard.ends[row]].tobytes()
        return content

    def _shard(self, number: int) -> FileShard:
        if number not in self._opened:
            files = [shards.file_name(number, name) for name in FileShard._fields]
            file_checks.check(self.folder, {file: self.checksums[file] for file in files if file in self.checksums})
            self._opened[number] = FileShard(*(shards.mapped(self.folder / file) for file in files))
        return self._opened[number]


def shard_of(image_id: str, count: int) -> int:
    """The number of the shard, of so many, that an image belongs to."""
    return int(image_id[:8], 16) * count >> 32


def write(folder: str, number: int, ids: list[str], files: list[bytes]) -> dict[str, Checksum]:
    """Put a shard's files, in any order, into the folder with this URI; the checksums of its files, by name."""
    order = sorted(range(len(ids)), key=ids.__getitem__)
    arrays = {
        "ids": shards.encoded([ids[row] for row in order]),
        "ends": np.cumsum([len(files[row]) for row in order], dtype=np.int64),
        "files": np.frombuffer(b"".join(files[row] for row in order), np.uint8),
    }
    return shards.write_arrays(folder, number, arrays)


def finish(folder: str, count: int, numbers: list[int], checksums: Mapping[str, Checksum]) -> None:
    """Say how many shards there are, which of them are not empty, and what their files are: a folder that says so is
    whole.
    """
    about = {"count": count, "shards": numbers, file_checks.FILES: checksums}
    storage.put_bytes(storage.join(folder, file_names.ABOUT), file_checks.sealed(about))


def open_folder(folder: Path) -> FileShards:
    """The files in a local folder; nothing is read of them yet. Raises InputError where there are none."""
    place = storage.uri(str(folder / file_names.ABOUT))
    about = file_checks.read_sealed(place)
    if about is None:
        step = f"run the 'build_index' stage again: {file_checks.AGAIN}"
        raise InputError(f"no files of images in {folder}, which has no {file_names.ABOUT}; {step}")
    index_files.check_fields(place, about, {"count": int, "shards": list})
    return FileShards(
        folder, about["count"], frozenset(about["shards"]), index_files.checksums(storage.uri(str(folder)), about)
    )
