"""Images as an index holds them: arrays of equal length in id order, on disk as memory-mapped .npy files.

A shard is `<number>-<array>.npy` for each of its arrays. Nothing is pickled.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kindred.runtime import checked_copy, runs, storage
from kindred.runtime.errors import InputError
from kindred.search.lower_bounds import LowerBound

MAX_ROWS = 32_768  # of a shard that is built: a worker holds one in memory
ATTRIBUTES = np.dtype([("prediction", "i4"), ("confidence", "f4"), ("length", "f8")])
ARRAYS = ("ids", "attributes", "splits", "datasets", "features", "probabilities")  # beside those of the distances


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
        return next((len(part) for part in vars(self).values() if part is not None), 0)

    def __getitem__(self, rows: slice) -> "Images":
        return Images(**{name: part if part is None else part[rows] for name, part in vars(self).items()})

    def vectors(self, kind: str) -> np.ndarray:
        """The features or the probabilities, [n, d]. Raises InputError where the images have none."""
        vectors = {"features": self.features, "probabilities": self.probabilities}.get(kind)
        if vectors is None:
            raise InputError(f"the images have no {kind}")
        return vectors

    def names(self, kind: str) -> list[str]:
        """The ids, the splits or the datasets. Raises InputError where the images have none."""
        names = {"ids": self.ids, "splits": self.splits, "datasets": self.datasets}.get(kind)
        if names is None:
            raise InputError(f"the images have no {kind}")
        return names


@dataclass(frozen=True)
class Shard:
    """ids [n] (UTF-8, rising), splits and datasets [n] likewise, attributes [n], vectors [n, d] by kind, and by the
    name of each distance the gallery's side [n, s] of its product.

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

    def find_rows(self, ids: np.ndarray) -> np.ndarray:
        """The row of each id [m] (UTF-8), -1 for those that are not here; reads what a binary search touches."""
        own = self.arrays["ids"]
        fitting = np.char.str_len(ids) <= own.dtype.itemsize
        keys = ids.astype(own.dtype)  # of one type: else the whole array would be copied
        at = np.minimum(np.searchsorted(own, keys), len(own) - 1)
        return np.where(fitting & (own[at] == keys), at, -1)

    def take(self, rows: np.ndarray) -> "Shard":
        """Some of its rows: their numbers [m], or a mask [n]."""
        return Shard({name: array[rows] for name, array in self.arrays.items()})


def encoded(names: list[str]) -> np.ndarray:
    """Names as UTF-8, which sorts as the names do."""
    return np.array([str(name).encode() for name in names], dtype=np.bytes_)


def decoded(texts: np.ndarray) -> list[str]:
    """The names behind UTF-8."""
    return [text.decode() for text in texts.tolist()]


def make(images: Images, bounds: dict[str, LowerBound]) -> Shard:
    """A shard of images, one or more, in id order. Raises InputError for an id that is there twice."""
    ids = encoded(images.names("ids"))
    order = np.argsort(ids, kind="stable")
    ids = ids[order]
    if (ids[1:] == ids[:-1]).any():
        twice = ids[1:][ids[1:] == ids[:-1]][0].decode()
        raise InputError(f"image {twice!r} is given twice; an index holds an image once")
    kinds = ("features", "probabilities")
    vectors = {kind: np.ascontiguousarray(images.vectors(kind)[order], np.float32) for kind in kinds}
    names = {kind: encoded(images.names(kind))[order] for kind in ("splits", "datasets")}
    sides = {name: bound.gallery_side(vectors[bound.distance.vectors]) for name, bound in bounds.items()}
    return Shard({"ids": ids, "attributes": _attributes(**vectors), **names, **vectors, **sides})


def join(shards: list[Shard]) -> Shard:
    """Shards as one, in id order."""
    joined = {name: np.concatenate([shard[name] for shard in shards]) for name in shards[0].arrays}
    return Shard(joined).take(np.argsort(joined["ids"], kind="stable"))


def write(folder: str, number: int, shard: Shard) -> None:
    """Put a shard's files into the folder with this URI."""
    for name, array in shard.arrays.items():
        with storage.atomic_file(storage.join(folder, _file(number, name))) as file:
            np.save(file, array, allow_pickle=False)


def read(folder: str, number: int, distances: Iterable[str]) -> Shard:
    """A shard of the folder with this URI: its arrays are mapped, so that opening reads nothing of them. Those on an
    object store are copied into the cache first.
    """
    names = [*ARRAYS, *distances]
    place = Path(storage.local(folder)) if folder.startswith("file://") else _copied(folder, number, names)
    return Shard({n: np.load(place / _file(number, n), mmap_mode="r", allow_pickle=False) for n in names})


def _attributes(features: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    attributes = np.empty(len(features), ATTRIBUTES)
    attributes["prediction"] = probabilities.argmax(axis=1)
    attributes["confidence"] = probabilities.max(axis=1)
    attributes["length"] = np.sqrt(np.einsum("nd,nd->n", features, features, dtype=np.float64))
    return attributes


def _file(number: int, name: str) -> str:
    return f"{number:05d}-{name}.npy"


def _copied(folder: str, number: int, names: list[str]) -> Path:
    place = runs.cache_folder("indexes", storage.fingerprint(folder))
    for target in (place / _file(number, name) for name in names):
        if not target.exists():
            checked_copy.copy(storage.join(folder, target.name), storage.uri(str(target)), "blake2b-16")
    return place
