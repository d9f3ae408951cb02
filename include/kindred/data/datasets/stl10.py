"""STL-10: 96 x 96 colour images, 10 classes, 5,000 for training, 8,000 for testing, 100,000 without a label.

`path` is the official archive, or the folder that holds it or its unpacked files. Values are uint8, column-major in
each channel; labels are 1 to 10. Source: A. Coates, H. Lee, A. Ng, An Analysis of Single-Layer Networks in
Unsupervised Feature Learning (AISTATS 2011), https://cs.stanford.edu/~acoates/stl10/.
"""

from __future__ import annotations

import lzma
import os
import secrets
import shutil
import tarfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kindred.data.raw_images import Slice, read_slices, slices
from kindred.data.sources import Source, existing_uri, file_source
from kindred.runtime import downloads, runs, storage
from kindred.runtime.errors import InputError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

URL = "https://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz"
SHA256 = "f31fd99273a1acb8609c8db427cebb1de3f71de77758cdc0e22956e1289b9866"  # as in tensorflow_datasets
FILES = {"train": "train_X.bin", "test": "test_X.bin", "unlabeled": "unlabeled_X.bin"}
SIDE = 96
IMAGE_BYTES = 3 * SIDE * SIDE
MAX_BYTES = {  # of the archive's files, unpacked: what STL-10 has
    "train_X.bin": 5_000 * IMAGE_BYTES,
    "train_y.bin": 5_000,
    "test_X.bin": 8_000 * IMAGE_BYTES,
    "test_y.bin": 8_000,
    "unlabeled_X.bin": 100_000 * IMAGE_BYTES,
    "class_names.txt": 2**10,
}
IMAGES_PER_TASK = 1000  # 28 MB of pixels


def sources(path: str, say: Callable[[str], None]) -> list[Source]:
    if not path:
        target = runs.cache_folder("downloads", "stl10") / "stl10_binary.tar.gz"
        path = str(downloads.fetch(URL, target, SHA256, say))
    folder = _folder(existing_uri(path), say)
    names = [*FILES.values(), "train_y.bin", "test_y.bin", "class_names.txt"]
    return [file_source(storage.join(folder, name)) for name in names]


def read(spark: SparkSession, sources: Sequence[Source], limit: int | None) -> DataFrame:
    images = dict(zip(FILES, sources, strict=False))
    classes = storage.read_bytes(sources[-1].uri).decode().split()
    parts: list[Slice] = []
    for split, file in images.items():
        count, rest = divmod(file.size, IMAGE_BYTES)
        if rest:
            raise InputError(
                f"{storage.local(file.uri)} is truncated: {file.size:,} bytes are not a multiple of {IMAGE_BYTES:,}"
            )
        if split != "unlabeled":
            _check_labels(file.uri, count, len(classes))
        parts += slices(file.uri, min(count, limit or count), IMAGES_PER_TASK)
    return read_slices(spark, parts, load)


def load(uri: str, start: int, stop: int) -> Iterator[tuple[Any, ...]]:
    """The images of a slice, in a worker."""
    fs, inside = storage.filesystem(uri)
    values = np.frombuffer(fs.cat_file(inside, start * IMAGE_BYTES, stop * IMAGE_BYTES), np.uint8)
    images = values.reshape(-1, 3, SIDE, SIDE).transpose(0, 3, 2, 1)  # [n, channel, column, row] in the file
    split = next(split for split, name in FILES.items() if uri.endswith(name))
    folder = uri.rsplit("/", 1)[0]
    classes = storage.read_bytes(storage.join(folder, "class_names.txt")).decode().split()
    labels = None if split == "unlabeled" else storage.read_bytes(storage.join(folder, f"{split}_y.bin"))
    for i, image in enumerate(images, start):
        label = None if labels is None else classes[labels[i] - 1]
        yield split, f"{split}#{i:06d}", label, SIDE, SIDE, 3, image.tobytes(), None


def _check_labels(images: str, count: int, classes: int) -> None:
    path = images.replace("_X.bin", "_y.bin")
    labels = np.frombuffer(storage.read_bytes(path), np.uint8)
    if len(labels) != count:
        raise InputError(f"{storage.local(path)} has {len(labels):,} labels for {count:,} images")
    if labels.size and not (1 <= labels.min() and labels.max() <= classes):
        raise InputError(f"{storage.local(path)} has labels outside 1 to {classes}")


def _folder(uri: str, say: Callable[[str], None]) -> str:
    """The folder of the .bin files: the given one, one inside it, or the cache into which the archive is unpacked."""
    fs, inside = storage.filesystem(uri)
    if not fs.isdir(inside):
        return _unpacked(uri, say)
    for folder in (uri, storage.join(uri, "stl10_binary")):
        if fs.exists(storage.filesystem(storage.join(folder, "train_X.bin"))[1]):
            return folder
    archive = storage.join(uri, "stl10_binary.tar.gz")
    if fs.exists(storage.filesystem(archive)[1]):
        return _unpacked(archive, say)
    raise InputError(f"neither train_X.bin nor stl10_binary.tar.gz is in {storage.local(uri)}")


def _unpacked(archive: str, say: Callable[[str], None]) -> str:
    """The URI of the cache folder with the archive's files, which are unpacked once; it exists whole, or not at all."""
    folder = runs.cache_folder("unpacked") / f"stl10-{storage.fingerprint(file_source(archive))}"
    if not folder.exists():
        say(f"unpacking {storage.local(archive)}")
        temporary = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
        try:
            _unpack(archive, temporary)
            if not folder.exists():  # else another run was faster
                temporary.rename(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return f"file://{folder}"


def _unpack(archive: str, folder: Path) -> None:
    """Unpack the files that STL-10 consists of into a new folder, and nothing else of the archive."""
    folder.mkdir(parents=True)
    fs, inside = storage.filesystem(archive)
    try:
        with fs.open(inside, "rb") as file, tarfile.open(fileobj=file, mode="r|*") as tar:
            for member in tar:
                name = Path(member.name).name
                content = tar.extractfile(member) if member.isfile() and name in MAX_BYTES else None
                if content is None:
                    continue
                if member.size > MAX_BYTES[name]:
                    size = f"{member.size:,} bytes, more than STL-10's {MAX_BYTES[name]:,}"
                    raise InputError(f"{storage.local(archive)} is not STL-10: its {name} has {size}")
                storage.check_space(folder, member.size)
                with (folder / name).open("wb") as output:
                    shutil.copyfileobj(content, output, 2**20)
                os.utime(folder / name, (member.mtime, member.mtime))
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError) as error:
        if getattr(error, "errno", None) in storage.DISK_FULL:
            raise
        raise InputError(f"{storage.local(archive)} is truncated or not an archive: {error}") from None
    if missing := [name for name in MAX_BYTES if not (folder / name).is_file()]:
        raise InputError(f"{storage.local(archive)} holds no {', '.join(missing)}")
