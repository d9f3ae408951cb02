"""The pictures of an index: each image's file by its id, small enough for a page. Knows nothing of Spark.

A shard holds the images whose ids, which are hashes, lie in its part of all hashes: `<number>-ids.npy` [n] (rising),
`<number>-ends.npy` [n] (where each file ends) and `<number>-files.npy` (all files, one after the other), mapped into
memory.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kindred.data import images
from kindred.runtime import file_names, storage
from kindred.runtime.errors import InputError
from kindred.search import shards

MAX_SIDE = 256  # px: larger images are shrunk
JPEG_QUALITY = 88
PER_SHARD = 8192  # about: a worker holds their files in memory
IMAGE_ID = re.compile("[0-9a-f]{32}")


class PictureShard(NamedTuple):
    ids: np.ndarray
    ends: np.ndarray
    files: np.ndarray


@dataclass(frozen=True)
class Pictures:
    """The shards by number; None for one without images."""

    shards: list[PictureShard | None]

    def file(self, image_id: str) -> bytes | None:
        """The encoded picture (PNG or JPEG) of an image, or None where there is none."""
        if not IMAGE_ID.fullmatch(image_id):
            return None
        shard = self.shards[shard_of(image_id, len(self.shards))]
        if shard is None:
            return None
        row = int(np.searchsorted(shard.ids, image_id.encode()))
        if row == len(shard.ids) or shard.ids[row] != image_id.encode():
            return None
        content: bytes = shard.files[shard.ends[row - 1] if row else 0 : shard.ends[row]].tobytes()
        return content


def shard_of(image_id: str, count: int) -> int:
    """The number of the shard, of so many, that an image belongs to."""
    return int(image_id[:8], 16) * count >> 32


def small(content: bytes, height: int, width: int) -> bytes:
    """The file for the page of an image of that size (px): itself, or a JPEG whose longer side is MAX_SIDE."""
    longer = max(height, width)
    if longer <= MAX_SIDE:
        return content
    pixels = images.decode(content)
    size = (max(1, round(height * MAX_SIDE / longer)), max(1, round(width * MAX_SIDE / longer)))
    return images.encode_jpeg(images.fit(pixels, size, pixels.shape[2]), JPEG_QUALITY)


def write(folder: str, number: int, ids: list[str], files: list[bytes]) -> None:
    """Put a shard's images, in any order, into the folder with this URI."""
    order = sorted(range(len(ids)), key=ids.__getitem__)
    arrays = {
        "ids": shards.encoded([ids[row] for row in order]),
        "ends": np.cumsum([len(files[row]) for row in order], dtype=np.int64),
        "files": np.frombuffer(b"".join(files[row] for row in order), np.uint8),
    }
    for name, array in arrays.items():
        with storage.atomic_file(storage.join(folder, _file(number, name))) as file:
            np.save(file, array, allow_pickle=False)


def finish(folder: str, count: int, numbers: list[int]) -> None:
    """Say how many shards there are, and which of them are not empty: a folder that says so is whole."""
    storage.put_json(storage.join(folder, file_names.ABOUT), {"count": count, "shards": numbers})


def open_folder(folder: Path) -> Pictures:
    """The pictures in a local folder; nothing is read of them yet. Raises InputError where there are none."""
    about = storage.find_json(storage.uri(str(folder / file_names.ABOUT)))
    if about is None:
        raise InputError(f"no pictures in {folder}; run the 'build_index' stage again")
    filled = set(about["shards"])
    return Pictures([_mapped(folder, number) if number in filled else None for number in range(about["count"])])


def _mapped(folder: Path, number: int) -> PictureShard:
    names = PictureShard._fields
    return PictureShard(*(np.load(folder / _file(number, n), mmap_mode="r", allow_pickle=False) for n in names))


def _file(number: int, name: str) -> str:
    return f"{number:05d}-{name}.npy"
