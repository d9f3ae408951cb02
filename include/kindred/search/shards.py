"""Images as an index holds them: arrays of equal length in id order, on disk as memory-mapped .npy files.

A shard is `<number>-<array>.npy` for each of its arrays. Nothing is pickled.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kindred.runtime import runs, storage
from kindred.runtime.errors import InputError
from kindred.search.distances import DISTANCES
from kindred.search.lower_bounds import Screen

ROWS = 32_768  # of a shard that is built: a worker holds one in memory
ATTRIBUTES = np.dtype([("prediction", "i4"), ("confidence", "f4"), ("length", "f8")])
ARRAYS = ("ids", "attributes", "splits", "datasets", "features", "probabilities", *DISTANCES)


@dataclass(frozen=True)
class Images:
    """Images as the final model sees them: features [n, d] and probabilities [n, classes], float32.

    Of queries only what the distance works on must be there, and ids where the images have any.
    """

    features: np.ndarray | None = None
    probabilities: np.ndarray | None = None
    ids: list[str] | None = None
    splits: list[str] | None = None
    datasets: list[str] | None = None

    def __len__(self) -> int:
        return len(self.probabilities if self.features is None else self.features)

    def __getitem__(self, rows: slice) -> "Images":
        return Images(*(part if part is None else part[rows] for part in vars(self).values()))


@dataclass(frozen=True)
class Shard:
    """ids [n] (UTF-8, rising), splits and datasets [n] likewise, attributes [n], vectors [n, d] and screens [n, s] by
    name.

    The attributes follow from the vectors: the likeliest class, its probability, and the features' length.
    """

    arrays: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.arrays["ids"])

    def __getitem__(self, name: str) -> np.ndarray:
        return self.arrays[name]

    @property
    def mapped(self) -> bool:
        """Does it lie on disk?"""
        return isinstance(self.arrays["ids"], np.memmap)

    def rows(self, ids: np.ndarray) -> np.ndarray:
        """The row of each id [m] (UTF-8), -1 for those that are not here; reads what a binary search touches."""
        own = self.arrays["ids"]
        fitting = np.char.str_len(ids) <= own.dtype.itemsize
        wanted = ids.astype(own.dtype)  # of one type: else the whole array would be copied
        at = np.minimum(np.searchsorted(own, wanted), len(own) - 1)
        return np.where(fitting & (own[at] == wanted), at, -1)

    def take(self, rows: np.ndarray) -> "Shard":
        return Shard({name: array[rows] for name, array in self.arrays.items()})


def encoded(names: list[str]) -> np.ndarray:
    """Names as UTF-8, which sorts as the names do."""
    return np.array([str(name).encode() for name in names], dtype=np.bytes_)


def decoded(texts: np.ndarray) -> list[str]:
    return [text.decode() for text in texts.tolist()]


def make(images: Images, screens: dict[str, Screen]) -> Shard:
    """A shard of images, one or more, in id order. Raises InputError for an id that is there twice."""
    order = np.argsort(encoded(images.ids), kind="stable")
    ids = encoded(images.ids)[order]
    if (ids[1:] == ids[:-1]).any():
        twice = ids[1:][ids[1:] == ids[:-1]][0].decode()
        raise InputError(f"image {twice!r} is given twice; an index holds an image once")
    vectors = {
        "features": np.ascontiguousarray(images.features[order], np.float32),
        "probabilities": np.ascontiguousarray(images.probabilities[order], np.float32),
    }
    attributes = np.empty(len(ids), ATTRIBUTES)
    attributes["prediction"] = vectors["probabilities"].argmax(axis=1)
    attributes["confidence"] = vectors["probabilities"].max(axis=1)
    attributes["length"] = np.sqrt(np.einsum("nd,nd->n", vectors["features"], vectors["features"], dtype=np.float64))
    names = {"splits": encoded(images.splits)[order], "datasets": encoded(images.datasets)[order]}
    sides = {name: screen.gallery(vectors[screen.distance.vectors]) for name, screen in screens.items()}
    return Shard({"ids": ids, "attributes": attributes, **names, **vectors, **sides})


def join(shards: list[Shard]) -> Shard:
    """Shards as one, in id order."""
    joined = {name: np.concatenate([shard[name] for shard in shards]) for name in shards[0].arrays}
    return Shard(joined).take(np.argsort(joined["ids"], kind="stable"))


def write(folder: str, number: int, shard: Shard) -> None:
    """Put a shard's files into the folder with this URI."""
    for name, array in shard.arrays.items():
        with storage.atomic_file(storage.join(folder, _file(number, name))) as file:
            np.save(file, array, allow_pickle=False)


def read(folder: str, number: int) -> Shard:
    """A shard of the folder with this URI: its arrays are mapped, so that opening reads nothing of them. Those on an
    object store are copied into the cache first.
    """
    place = Path(storage.local(folder)) if folder.startswith("file://") else _copied(folder, number)
    return Shard({n: np.load(place / _file(number, n), mmap_mode="r", allow_pickle=False) for n in ARRAYS})


def _file(number: int, name: str) -> str:
    return f"{number:05d}-{name}.npy"


def _copied(folder: str, number: int) -> Path:
    place = runs.cache_folder("indexes", storage.fingerprint(folder))
    for name in ARRAYS:
        target = place / _file(number, name)
        if not target.exists():
            fs, inside = storage.filesystem(storage.join(folder, target.name))
            with fs.open(inside, "rb") as source, storage.atomic_file(f"file://{target}") as file:
                shutil.copyfileobj(source, file, 2**20)
    return place
