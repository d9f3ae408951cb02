"""Search in an index: the k most and the k least similar images of each query, exactly. Knows nothing of Spark.

An index is a folder: `about.json`, `screens.npz` and the shards' .npy files, which are mapped into memory, not read.
`Index` is the contract, and a value: `add` and `delete` give another index, which shares its shards with the first.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from kindred.runtime import file_names, marks, stages, storage
from kindred.runtime.cpu import cores
from kindred.runtime.errors import InputError
from kindred.search import lower_bounds, shards
from kindred.search.distances import distance
from kindred.search.exact_scan import Scan
from kindred.search.gallery import Filter, Gallery
from kindred.search.lower_bounds import Screen
from kindred.search.shards import Images

VERSION = 1
BLOCK = 2**23  # bounds that a thread holds at once, queries times images: 32 MiB
NEAR = 1e-3  # images whose features differ by at most this part of the longer ones' length are duplicates


class Neighbour(NamedTuple):
    """An image that was found. `duplicate`: it has the query's id, or features that are at most NEAR apart."""

    image_id: str
    distance: float
    prediction: str
    confidence: float
    split: str
    dataset: str
    duplicate: bool


@dataclass(frozen=True)
class Answer:
    """What was found for one query, best first, and what is known of the query itself (None where it is not)."""

    image_id: str | None
    prediction: str | None
    confidence: float | None
    distance: str
    farthest: bool
    neighbours: list[Neighbour]
    exact: bool = True


@dataclass(frozen=True)
class Index:
    """A gallery of images. `about` tells its classes, how wide its vectors are, and what it was built from."""

    about: dict[str, Any]
    screens: dict[str, Screen]
    gallery: Gallery = Gallery()
    threads: int = field(default_factory=cores)

    @property
    def classes(self) -> list[str]:
        return self.about["classes"]

    def __len__(self) -> int:
        return len(self.gallery)

    def search(
        self,
        queries: Images,
        k: int,
        name: str,
        farthest: bool = False,
        where: Filter | None = None,
        itself: bool = False,
    ) -> list[Answer]:
        """For each query the k nearest (or farthest) images by the distance of that name, best first, ties by id.

        Where fewer pass the filter, all of these. A query whose own id is in the index does not find itself, unless
        `itself`. Raises InputError for an empty index, and for a k, a name, a filter or queries that do not fit it.
        """
        vectors = self._check(queries, k, name)
        scan = Scan(self.gallery, self.screens[name], farthest, k, self.threads)
        own = np.full(len(queries), -1) if itself or queries.ids is None else self.gallery.rows(queries.ids)
        barred = self.gallery.barred(where, self.classes)
        size = max(1, BLOCK // self.gallery.starts[-1])
        blocks = [slice(start, start + size) for start in range(0, len(queries), size)]
        if len(blocks) == 1:
            return self._answers(queries, scan, *scan.best(vectors, own, barred))
        from threadpoolctl import threadpool_limits

        alone = replace(scan, threads=1)

        def answers(block: slice) -> list[Answer]:
            return self._answers(queries[block], alone, *alone.best(vectors[block], own[block], barred))

        with threadpool_limits(1, "blas"), ThreadPoolExecutor(self.threads) as pool:
            return [answer for found in pool.map(answers, blocks) for answer in found]

    def ids(self, where: Filter | None = None) -> list[str]:
        """The ids of all images that pass a filter, in order."""
        barred = self.gallery.barred(where, self.classes)
        rows = np.arange(self.gallery.starts[-1]) if barred is None else np.flatnonzero(barred == 0)
        return [text.decode() for text in np.sort(self.gallery.column("ids", rows))] if len(rows) else []

    def images(self, ids: list[str]) -> Images:
        """Images of the index, in this order: as queries, for instance. Raises InputError for one that is not there."""
        rows = self.gallery.known(ids)
        vectors = {name: self.gallery.column(name, rows) for name in ("features", "probabilities")}
        names = {name: shards.decoded(self.gallery.column(name, rows)) for name in ("splits", "datasets")}
        return Images(**vectors, **names, ids=list(ids))

    def add(self, images: Images) -> "Index":
        """An index with these images as well; one whose id is there already takes its place. Raises InputError for
        images that do not fit it.
        """
        if not len(images):
            return self
        self._check_sizes(images)
        shard, rows = shards.make(images, self.screens), self.gallery.rows(images.ids)
        return replace(self, gallery=self.gallery.without(rows[rows >= 0]).plus(shard))

    def delete(self, ids: list[str]) -> "Index":
        """An index without these images. Raises InputError for one that is not there."""
        return replace(self, gallery=self.gallery.without(self.gallery.known(ids)))

    def save(self, folder: str) -> None:
        """Put the index into the empty folder with this URI, shard by shard."""
        numbers = []
        for number, shard in enumerate(self.gallery.left()):
            if len(shard):
                shards.write(folder, number, shard)
                numbers.append(number)
        finish(folder, self.about, self.screens, numbers)

    def _check(self, queries: Images, k: int, name: str) -> np.ndarray:
        """The vectors of the queries that the distance works on, float32."""
        kind = distance(name).vectors
        if not len(self):
            raise InputError("the index is empty: the run had no unlabelled image")
        if not 1 <= k <= len(self):
            raise InputError(f"k is {k}; the index has {len(self):,} images")
        if getattr(queries, kind) is None:
            raise InputError(f"the distance {name!r} works on {kind}; the queries have none")
        self._check_sizes(queries)
        return np.ascontiguousarray(getattr(queries, kind), np.float32)

    def _check_sizes(self, images: Images) -> None:
        for kind in ("features", "probabilities"):
            vectors, wanted = getattr(images, kind), self.about[kind]
            if vectors is not None and vectors.shape[1:] != (wanted,):
                given = vectors.shape[1] if vectors.ndim == 2 else f"of shape {vectors.shape}"
                maker = "extractor" if kind == "features" else "model"
                raise InputError(f"{kind} given: {given}, of the index: {wanted}; it was built with another {maker}")

    def _answers(
        self, queries: Images, scan: Scan, query: np.ndarray, row: np.ndarray, distances: np.ndarray
    ) -> list[Answer]:
        found = self._neighbours(queries, query, row, distances)
        ends = np.searchsorted(query, np.arange(len(queries) + 1))
        ids, known = queries.ids or [None] * len(queries), queries.probabilities
        classes = [None] * len(queries) if known is None else [self.classes[i] for i in known.argmax(axis=1)]
        confidences = [None] * len(queries) if known is None else known.max(axis=1).tolist()
        about = scan.screen.distance.name, scan.farthest
        return [
            Answer(ids[i], classes[i], confidences[i], *about, found[ends[i] : ends[i + 1]])
            for i in range(len(queries))
        ]

    def _neighbours(
        self, queries: Images, query: np.ndarray, row: np.ndarray, distances: np.ndarray
    ) -> list[Neighbour]:
        columns = {n: self.gallery.column(n, row) for n in ("ids", "splits", "datasets", "attributes")}
        attributes = columns["attributes"]
        same = np.zeros(len(row), bool)
        if queries.ids is not None:
            same = shards.encoded(queries.ids)[query] == columns["ids"]
        if queries.features is not None:
            own = np.asarray(queries.features, np.float64)[query]
            apart = np.linalg.norm(own - self.gallery.column("features", row), axis=1)
            same |= apart <= NEAR * np.maximum(np.linalg.norm(own, axis=1), attributes["length"])
        return [
            Neighbour(image_id, far, self.classes[number], confidence, split, dataset, twin)
            for image_id, far, number, confidence, split, dataset, twin in zip(
                shards.decoded(columns["ids"]),
                distances.tolist(),
                attributes["prediction"].tolist(),
                attributes["confidence"].tolist(),
                shards.decoded(columns["splits"]),
                shards.decoded(columns["datasets"]),
                same.tolist(),
                strict=True,
            )
        ]


def build(images: Images, classes: list[str], **about: Any) -> Index:
    """An index of images that fit into memory, in memory. `about`: what it was built from."""
    samples = {"features": images.features, "probabilities": images.probabilities}
    about = described(classes, {kind: sample.shape[1] for kind, sample in samples.items()}, **about)
    return Index(about, lower_bounds.fit(samples)).add(images)


def described(classes: list[str], widths: dict[str, int], **about: Any) -> dict[str, Any]:
    """What `about.json` says: the classes, the numbers of features and probabilities of an image, and `about`."""
    return {**about, "version": VERSION, "classes": classes, **widths}


def finish(folder: str, about: dict[str, Any], made: dict[str, Screen], numbers: list[int]) -> None:
    """Put what belongs to an index beside its shards with these numbers; `about.json` comes last, so a folder that has
    it is whole.
    """
    storage.put_bytes(storage.join(folder, file_names.LOWER_BOUNDS), lower_bounds.to_bytes(made))
    storage.put_json(storage.join(folder, file_names.ABOUT), {**about, "shards": numbers})


def open_folder(folder: str, only: list[int] | None = None) -> Index:
    """The index in the folder with this URI, or `only` its shards with these numbers; nothing is read of them yet.

    An index on an object store is first copied into the cache. Raises InputError where there is none.
    """
    about = storage.find_json(storage.join(folder, file_names.ABOUT))
    if about is None:
        raise InputError(f"no index in {storage.local(folder)}; run the '{stages.BUILD_INDEX}' stage first")
    if about["version"] != VERSION:
        raise InputError(
            f"the index in {storage.local(folder)} has version {about['version']}, not {VERSION}; build again"
        )
    found = tuple(shards.read(folder, number) for number in (about["shards"] if only is None else only))
    made = lower_bounds.from_bytes(storage.find_bytes(storage.join(folder, file_names.LOWER_BOUNDS)))
    return Index(about, made, Gallery(found, (None,) * len(found)))


def open_index(run: str) -> Index:
    """The index of a finished run, given by the URI of its folder. Raises InputError where there is none, or one of
    other features than the run's.
    """
    mark, features = (marks.mark_of(storage.join(run, stage)) for stage in (stages.BUILD_INDEX, stages.FEATURIZE))
    if mark is None:
        raise InputError(f"no finished 'index' in {storage.local(run)}; run the '{stages.BUILD_INDEX}' stage first")
    if features is None or features["attempt"] != mark["inputs"][stages.FEATURIZE]:
        raise InputError(
            f"the index in {storage.local(run)} is of another extractor's features; run '{stages.BUILD_INDEX}' again"
        )
    return open_folder(mark["facts"]["folder"])
