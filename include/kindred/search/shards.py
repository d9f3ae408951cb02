"""Images as an index holds them: arrays of equal length in id order, on disk as memory-mapped .npy files.

A shard is `<number>-<array>.npy` for each of its arrays, and two for its `origins` (`texts.py`). Nothing is pickled.
"""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kindred.runtime import checked_copy, file_checks, label_sets, runs, storage
from kindred.runtime.checked_copy import Checksum, HashedFile
from kindred.runtime.errors import InputError
from kindred.runtime.label_sets import Thresholds
from kindred.search import cells, texts
from kindred.search.cells import Cells
from kindred.search.lower_bounds import LowerBound
from kindred.search.texts import Texts

MAX_ROWS = 32_768  # of a shard that is built: a worker holds one in memory
ATTRIBUTES = np.dtype([("prediction", "i4"), ("confidence", "f4"), ("length", "f8")])
LABELS, ORIGINS = "labels", "origins"
FIRST = ("ids", "attributes", "splits", "datasets", "features", "probabilities")  # what every index has
ARRAYS = (*FIRST, LABELS, ORIGINS, ORIGINS + texts.ENDS)  # beside those of the distances
NO_LABEL = np.array(b"", "S1")  # in `labels`, of an image without a given label: a class has a name


@dataclass(frozen=True)
class Images:
    """Images as the final model sees them: features [n, d] and probabilities [n, classes], float32; without a
    classifier there are no classes.

    Of queries only what the distance works on must be there, and ids where the images have any. `labels` are the given
    ones (None where an image has none), `origins` say which file or row each image is (None where that is not known).
    """

    features: np.ndarray | None = None
    probabilities: np.ndarray | None = None
    ids: list[str] | None = None
    splits: list[str] | None = None
    datasets: list[str] | None = None
    labels: list[str | None] | None = None
    origins: list[str | None] | None = None

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

    def known(self, kind: str) -> list[str | None]:
        """The given labels or the origins, None where an image has none."""
        return {LABELS: self.labels, ORIGINS: self.origins}[kind] or [None] * len(self)


@dataclass(frozen=True)
class Shard:
    """ids [n] (UTF-8, rising), splits, datasets and labels [n] likewise, attributes [n], vectors [n, d] by kind, and by
    the name of each distance the gallery's side [n, s] of its product, and the cell [n] of those that have cells;
    beside the arrays the origins [n]. `made` is what searches keep of it in memory.

    The attributes follow from the vectors: the likeliest class, its probability, and the features' length. With several
    labels an image the probability is that of its whole set of classes.
    """

    arrays: dict[str, np.ndarray]
    origins: Texts
    made: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    making: Any = field(default_factory=threading.Lock, init=False, repr=False, compare=False)

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
        numbers = np.flatnonzero(rows) if rows.dtype == bool else rows
        return Shard({name: array[rows] for name, array in self.arrays.items()}, self.origins.take(numbers))

    def with_array(self, name: str, array: np.ndarray) -> "Shard":
        """With one more array."""
        return Shard({**self.arrays, name: array}, self.origins)


def encoded(names: list[str]) -> np.ndarray:
    """Names as UTF-8, which sorts as the names do."""
    return np.array([str(name).encode() for name in names], dtype=np.bytes_)


def decoded(names: np.ndarray) -> list[str]:
    """The names behind UTF-8."""
    return [name.decode() for name in names.tolist()]


def decoded_labels(labels: np.ndarray) -> list[str | None]:
    """The given labels behind UTF-8; None where there is none."""
    return [label.decode() or None for label in labels.tolist()]


def make(
    images: Images, bounds: dict[str, LowerBound], by_distance: Mapping[str, Cells], thresholds: Thresholds = None
) -> Shard:
    """A shard of images, one or more, in id order; `thresholds` are those of several labels an image. Raises InputError
    for an id that is there twice.
    """
    ids = encoded(images.names("ids"))
    order = np.argsort(ids, kind="stable")
    ids = ids[order]
    if (ids[1:] == ids[:-1]).any():
        twice = ids[1:][ids[1:] == ids[:-1]][0].decode()
        raise InputError(f"image {twice!r} is given twice; an index holds an image once")
    kinds = ("features", "probabilities")
    vectors = {kind: np.ascontiguousarray(images.vectors(kind)[order], np.float32) for kind in kinds}
    names = {kind: encoded(images.names(kind))[order] for kind in ("splits", "datasets")}
    names[LABELS] = encoded([label or "" for label in images.known(LABELS)])[order]
    sides = {name: bound.gallery_side(vectors[bound.distance.vectors]) for name, bound in bounds.items()}
    numbers = {cells.array(name): of.of(sides[name]) for name, of in by_distance.items()}
    origins = images.known(ORIGINS)
    arrays = {
        "ids": ids,
        "attributes": _attributes(**vectors, thresholds=thresholds),
        **names,
        **vectors,
        **sides,
        **numbers,
    }
    return Shard(arrays, texts.of([origins[row] for row in order]))


def join(shards: list[Shard]) -> Shard:
    """Shards as one, in id order."""
    joined = {name: np.concatenate([shard[name] for shard in shards]) for name in shards[0].arrays}
    whole = Shard(joined, texts.join([shard.origins for shard in shards]))
    return whole.take(np.argsort(joined["ids"], kind="stable"))


def write(folder: str, number: int, shard: Shard) -> dict[str, Checksum]:
    """Put a shard's files into the folder with this URI; their checksums, by name."""
    origins = {ORIGINS: shard.origins.content, ORIGINS + texts.ENDS: shard.origins.ends}
    return write_arrays(folder, number, {**shard.arrays, **origins})


def write_arrays(folder: str, number: int, arrays: Mapping[str, np.ndarray]) -> dict[str, Checksum]:
    """Put a .npy file for each array of a shard into the folder with this URI; their checksums, by name."""
    written = {}
    for name, array in arrays.items():
        with storage.atomic_file(storage.join(folder, file_name(number, name))) as file:
            hashed = HashedFile(file, "sha256")
            np.save(hashed, array, allow_pickle=False)
        written[file_name(number, name)] = hashed.checksum
    return written


def local_folder(folder: str, numbers: Iterable[int], arrays: Iterable[str], files: Mapping[str, Checksum]) -> Path:
    """Where shards of the folder with this URI can be opened: there, or in the cache, into which those on an object
    store are copied. Of the `files` of an index those of these shards and `arrays` are checked. Raises InputError for
    one that is not what was written.
    """
    names = [file_name(number, name) for number in numbers for name in arrays]
    known = {name: files[name] for name in names if name in files}
    place = Path(storage.local(folder)) if folder.startswith("file://") else _copied(folder, names, known)
    file_checks.check(place, known)
    return place


def read(place: Path, number: int, arrays: Iterable[str]) -> Shard:
    """A shard of a local folder, of which there are these `arrays`: they are mapped, so that opening reads nothing of
    them. Raises InputError for a file that is no array.
    """
    found = {name: mapped(place / file_name(number, name)) for name in arrays}
    content, ends = found.pop(ORIGINS, None), found.pop(ORIGINS + texts.ENDS, None)
    count = len(found["ids"])
    origins = texts.unknown(count) if content is None or ends is None else Texts(ends, content)
    found.setdefault(LABELS, np.broadcast_to(NO_LABEL, count))
    unfit = [name for name, array in found.items() if len(array) != count] or [ORIGINS] * (not origins.fits(count))
    if unfit:
        raise file_checks.damaged(storage.uri(str(place / file_name(number, unfit[0]))), "does not fit the other files")
    return Shard(found, origins)


def file_name(number: int, name: str) -> str:
    """Of an array of a shard."""
    return f"{number:05d}-{name}.npy"


def mapped(path: Path) -> np.ndarray:
    """The array in a .npy file, mapped into memory. Raises InputError where there is none."""
    uri = storage.uri(str(path))
    if not path.exists():
        raise file_checks.damaged(uri, file_checks.MISSING)
    with file_checks.parsing(uri):
        array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
        return array


def _attributes(features: np.ndarray, probabilities: np.ndarray, thresholds: Thresholds) -> np.ndarray:
    attributes = np.zeros(len(features), ATTRIBUTES)
    if probabilities.shape[1]:  # else nobody reads them
        attributes["prediction"] = probabilities.argmax(axis=1)
        attributes["confidence"] = label_sets.confidences(probabilities, thresholds)
    attributes["length"] = np.sqrt(np.einsum("nd,nd->n", features, features, dtype=np.float64))
    return attributes


def _copied(folder: str, names: list[str], checksums: Mapping[str, Checksum]) -> Path:
    place = runs.cache_folder("indexes", storage.fingerprint(folder))
    for name in names:
        if not (place / name).exists():
            target = storage.uri(str(place / name))
            checked_copy.copy(storage.join(folder, name), target, "sha256", checksums.get(name), file_checks.AGAIN)
    return place
