"""Search in an index: the k most and the k least similar images of each query. Knows nothing of Spark.

An index is a folder: `about.json`, `screens.npz` and the shards' .npy files, which are mapped into memory, not read.
`Index` is the contract, and a value: `add` and `delete` give another index, which shares its shards with the first.
"""

import functools
import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

from kindred.runtime import marks, open_files, stages, storage, unfinished
from kindred.runtime.checked_copy import Checksum
from kindred.runtime.cpu import cores
from kindred.runtime.errors import InputError
from kindred.runtime.label_sets import Thresholds
from kindred.runtime.variants import APPROXIMATE, EXACT, SEARCH_MODES
from kindred.search import answers, cells, index_files, lower_bounds, missing_distance, recall, shards
from kindred.search.answers import Answer, Ranking
from kindred.search.approximate_scan import ApproximateScan
from kindred.search.cells import Cells
from kindred.search.distances import Distance, distance, fitting
from kindred.search.exact_scan import Scan
from kindred.search.gallery import Filter, Gallery
from kindred.search.lower_bounds import LowerBound
from kindred.search.recall import Setting
from kindred.search.shards import Images

T = TypeVar("T")
Searched = tuple[LowerBound, Gallery]  # what a search by one distance needs


@dataclass(frozen=True)
class Index:
    """A gallery of images. `about` tells its classes, with several labels an image their `thresholds`, how wide its
    vectors are, and what it was built from; `bounds` are the lower bounds of the distances that it holds, `cells` those
    of the distances that it also answers approximately. `changes` counts the images added or deleted since its recall
    was measured.

    >>> import tempfile
    >>> images = Images(
    ...     features=np.array([[1, 0], [3, 1], [0, 2]], np.float32),
    ...     probabilities=np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]], np.float32),
    ...     ids=["a", "b", "c"], splits=["unlabeled"] * 3, datasets=["photos"] * 3, labels=["cat", None, None],
    ...     origins=["file:///photos/1.jpg", "file:///photos/2.jpg", "file:///photos/3.jpg"])
    >>> index = build(images, ["cat", "dog"])  # in memory; `open_index` has that of a run
    >>> index.ids(), index.ids(Filter(classes=["cat"], confidence=(0.5, 0.8))), index.ids(Filter(labelled=True))
    (['a', 'b', 'c'], ['b'], ['a'])

    >>> answer, = index.search(index.images(["a"]), 2, "cosine")
    >>> [(near.image_id, round(near.distance, 4), near.prediction) for near in answer.neighbours]
    [('b', 0.0513, 'cat'), ('c', 1.0, 'dog')]
    >>> answer.origin, answer.neighbours[0].origin
    ('file:///photos/1.jpg', 'file:///photos/2.jpg')
    >>> answer, = index.search(Images(features=np.array([[2, 1]], np.float32)), 3, "l2", where=Filter(classes=["dog"]))
    >>> [near.image_id for near in answer.neighbours]
    ['c']
    >>> answer, = index.search(index.images(["a"]), 1, "kullback_leibler", farthest=True)
    >>> answer.neighbours[0].image_id
    'c'

    >>> other = index.add(replace(index.images(["a"]), ids=["d"])).delete(["b"])
    >>> other.ids(), index.ids()
    (['a', 'c', 'd'], ['a', 'b', 'c'])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     other.save(f"file://{folder}")
    ...     open_folder(f"file://{folder}").ids()
    ['a', 'c', 'd']
    """

    about: dict[str, Any]
    bounds: dict[str, LowerBound]
    gallery: Gallery = Gallery()
    cells: dict[str, Cells] = field(default_factory=dict)
    changes: int = 0
    threads: int = field(default_factory=cores)
    _made: dict[str, Searched] = field(default_factory=dict, init=False, repr=False, compare=False)
    _making: Any = field(default_factory=threading.Lock, init=False, repr=False, compare=False)

    @property
    def classes(self) -> list[str]:
        """The classes of the final model, in the order of the probabilities; none of an index without a classifier."""
        classes: list[str] = self.about["classes"]
        return classes

    @property
    def thresholds(self) -> Thresholds:
        """With several labels an image the probability from which on it has a class, [classes]; else None."""
        thresholds: list[float] | None = self.about.get(index_files.THRESHOLDS)
        return thresholds

    @property
    def distances(self) -> dict[str, str]:
        """The distances that it can be searched by, and what each works on."""
        kinds = {name: known.vectors for name, known in fitting(self.thresholds is not None).items()}
        return kinds if self.classes else {name: kind for name, kind in kinds.items() if kind == "features"}

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
        mode: str = EXACT,
    ) -> list[Answer]:
        """For each query the k nearest (or farthest) images by the distance of that name, best first, ties by id.

        Where fewer pass the filter, all of these. A query whose own id is in the index does not get itself, unless
        `itself`. By a distance that is newer than the index the first search takes longer: it reads all vectors.

        The mode `approximate` may miss some of the nearest; the first such search takes longer. What it would not
        answer with the recall that was measured is answered exactly; each answer says which it is, and why.

        Raises InputError for an empty index, for a k, a name, a filter, a mode or queries that do not fit it, and for a
        distance that the index neither holds nor has the vectors for.
        """
        by = distance(name)
        if name not in self.distances:
            reason = f"works on {by.vectors}, and the index was built without a classifier"
            if self.classes:
                reason = f"is for {'several labels' if by.several else 'one label'} an image"
            raise InputError(f"the distance {name!r} {reason}; known: {', '.join(self.distances)}")
        self.check(queries, k)
        bound, gallery = self._searched(by)
        vectors = _vectors(queries, by)
        setting = self._setting(mode, name, k, farthest, where)
        chosen = setting if isinstance(setting, Setting) else None
        scan = self._scan(gallery, bound, farthest, k, chosen)
        said = (chosen.recall, None) if chosen else (None, setting)
        own = np.full(len(queries), -1) if itself or queries.ids is None else self.gallery.find_rows(queries.ids)
        excluded = self.excluded(where)

        def answered(rows: slice, scan: Scan) -> list[Answer]:
            ranking = Ranking(*scan.best(vectors[rows], own[rows], excluded))
            return self.answers(queries[rows], ranking, name, farthest, *said)

        return [answer for block in self._in_blocks(scan, len(queries), answered) for answer in block]

    def answers(
        self,
        queries: Images,
        ranking: Ranking,
        name: str,
        farthest: bool,
        recall: float | None = None,
        reason: str | None = None,
    ) -> list[Answer]:
        """What is known of the images that queries get by the distance of that name."""
        known = self.gallery, self.classes, self.thresholds
        return answers.answers(queries, *known, ranking, name, farthest, recall, reason)

    def excluded(self, where: Filter | None) -> np.ndarray | None:
        """Which rows a filter excludes, as `Gallery.excluded` says it."""
        return self.gallery.excluded(where, self.classes, self.thresholds)

    def ids(self, where: Filter | None = None) -> list[str]:
        """The ids of all images that pass a filter, in order."""
        excluded = self.excluded(where)
        rows = np.arange(self.gallery.starts[-1]) if excluded is None else np.flatnonzero(excluded == 0)
        return shards.decoded(np.sort(self.gallery.column("ids", rows))) if len(rows) else []

    def images(self, ids: list[str]) -> Images:
        """Images of the index, in this order: as queries, for instance. Raises InputError for one that is not there."""
        rows = self.gallery.rows(ids)
        return Images(
            features=self.gallery.column("features", rows),
            probabilities=self.gallery.column("probabilities", rows),
            ids=list(ids),
            splits=shards.decoded(self.gallery.column("splits", rows)),
            datasets=shards.decoded(self.gallery.column("datasets", rows)),
            labels=shards.decoded_labels(self.gallery.column("labels", rows)),
            origins=self.gallery.origins(rows),
        )

    def add(self, images: Images) -> "Index":
        """An index with these images as well; one whose id is there already takes its place. Raises InputError for
        images that do not fit it.
        """
        if not len(images):
            return self
        self._check_sizes(images)
        shard = shards.make(images, self.bounds, self.cells, self.thresholds)
        rows = self.gallery.find_rows(images.names("ids"))
        gallery = self.gallery.without(rows[rows >= 0]).plus(shard)
        return replace(self, gallery=gallery, changes=self.changes + len(images))

    def delete(self, ids: list[str]) -> "Index":
        """An index without these images. Raises InputError for one that is not there."""
        gallery = self.gallery.without(self.gallery.rows(ids))
        return replace(self, gallery=gallery, changes=self.changes + len(ids))

    def measured(self) -> "Index":
        """The same, where it has cells with the recall of its approximate search, measured on images of its own."""
        if not self.cells or not len(self):
            return self
        excluded = self.excluded(None)
        rows = np.arange(self.gallery.starts[-1]) if excluded is None else np.flatnonzero(excluded == 0)
        settings = {
            name: recall.settings(rows, len(of.centroids), functools.partial(self._distances, name))
            for name, of in self.cells.items()
        }
        return replace(self, about={**self.about, APPROXIMATE: settings}, changes=0)

    def save(self, folder: str) -> None:
        """Put the index into the empty folder with this URI, shard by shard. Where it was changed, the recall of its
        approximate search is measured first.
        """
        about = (self.measured() if self.changes else self).about
        numbers: list[int] = []
        checksums: dict[str, Checksum] = {}
        for number, shard in enumerate(self.gallery.remaining()):
            if len(shard):
                checksums |= shards.write(folder, number, shard)
                numbers.append(number)
        index_files.finish(folder, about, self.bounds, numbers, checksums, self.cells)

    def _setting(self, mode: str, name: str, k: int, farthest: bool, where: Filter | None) -> Setting | str | None:
        """How a search is answered: approximately so, or exactly and why; None where nothing else was asked for."""
        if mode not in SEARCH_MODES:
            raise InputError(f"unknown mode {mode!r}; known: {', '.join(SEARCH_MODES)}")
        if mode == EXACT:
            return None
        if not self.cells:
            step = f"search with the mode {EXACT}, or run the 'build_index' stage with the search mode {APPROXIMATE}"
            raise InputError(f"the index can only be searched exactly; {step}")
        return recall.choose(self.about, name, k, farthest, where, self.changes / len(self))

    def _scan(
        self,
        gallery: Gallery,
        bound: LowerBound,
        farthest: bool,
        k: int,
        setting: Setting | None,
        complete: bool = True,
    ) -> Scan:
        """A look through the whole gallery, or as a setting says."""
        exact = gallery, bound, farthest, k, self.threads
        if setting is None:
            return Scan(*exact)
        return ApproximateScan(*exact, self.cells[bound.distance.name], setting.probes, setting.compared, complete)

    def _in_blocks(self, scan: Scan, count: int, work: Callable[[slice, Scan], T]) -> list[T]:
        """What work returns for each block of so many queries, by several threads."""
        blocks = [slice(start, start + scan.block) for start in range(0, count, scan.block)]
        if len(blocks) == 1:
            return [work(blocks[0], scan)]
        from threadpoolctl import threadpool_limits

        alone = replace(scan, threads=1)
        with threadpool_limits(1, "blas"), ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(lambda rows: work(rows, alone), blocks))

    def _distances(self, name: str, rows: np.ndarray, k: int, probes: int, compared: int) -> np.ndarray:
        """The distances [q, k] of what the images at these rows [q] get, as `recall.settings` asks for them."""
        bound, excluded = self.bounds[name], self.excluded(None)
        queries = self.gallery.column(bound.distance.vectors, rows)
        distances = np.full((len(rows), k), np.inf)

        def fill(block: slice, scan: Scan) -> None:
            query, _, found = scan.best(queries[block], rows[block], excluded)
            place = np.arange(len(query)) - np.searchsorted(query, query)
            distances[block][query, place] = found

        setting = Setting(k, probes, compared, math.nan) if probes else None
        self._in_blocks(self._scan(self.gallery, bound, False, k, setting, complete=False), len(rows), fill)
        return distances

    def _searched(self, by: Distance) -> Searched:
        """What a search by a distance needs; what the index lacks is made by the first search and kept in memory."""
        if by.name in self.bounds:
            return self.bounds[by.name], self.gallery
        with self._making:
            if by.name not in self._made:
                self._made[by.name] = missing_distance.make(by, self.gallery, list(self.bounds))
            return self._made[by.name]

    def check(self, queries: Images, k: int) -> None:
        """Raises InputError for queries that do not fit the index, and for a k that it cannot answer."""
        if not len(self):
            raise InputError("the index is empty: there is no image to search in")
        if not 1 <= k <= len(self):
            raise InputError(f"k is {k}; the index has {len(self):,} images")
        self._check_sizes(queries)

    def _check_sizes(self, images: Images) -> None:
        for kind, vectors in (("features", images.features), ("probabilities", images.probabilities)):
            width = self.about[kind]
            if vectors is not None and vectors.shape[1:] != (width,):
                given = vectors.shape[1] if vectors.ndim == 2 else f"of shape {vectors.shape}"
                maker = "extractor" if kind == "features" else "model"
                raise InputError(f"{kind} given: {given}, of the index: {width}; it was built with another {maker}")


def build(images: Images, classes: list[str], mode: str = EXACT, **built_from: Any) -> Index:
    """An index of images that fit into memory, in memory; of the mode `approximate` one that can be searched so too.
    With several labels an image it is built from `thresholds` [classes], too.
    """
    kinds = ("features", "probabilities") if classes else ("features",)
    samples = {kind: images.vectors(kind) for kind in kinds}
    widths = {"features": samples["features"].shape[1], "probabilities": len(classes)}
    about = index_files.describe(classes, widths, **built_from)
    bounds = lower_bounds.fit(samples, about.get(index_files.THRESHOLDS) is not None)
    if mode == EXACT:
        return Index(about, bounds).add(images)
    return Index(about, bounds, cells=cells.fit(samples["features"], len(images), bounds)).add(images).measured()


def open_folder(folder: str, only: list[int] | None = None) -> Index:
    """The index in the folder with this URI, or `only` its shards with these numbers. They are checked when they are
    first opened, and once more when a file has changed; else nothing is read of them yet.

    An index on an object store is first copied into the cache. Raises InputError where there is none, or a damaged one.
    """
    about, bounds = index_files.read(folder)
    numbers = about["shards"] if only is None else only
    arrays = index_files.arrays(about, bounds)
    open_files.allow(len(numbers) * len(arrays), storage.local(folder))  # a mapped file stays open
    place = shards.local_folder(folder, numbers, arrays, index_files.checksums(folder, about))
    opened = tuple(shards.read(place, number, arrays) for number in numbers)
    gallery = Gallery(opened, (None,) * len(opened))
    return Index(about, bounds, gallery, index_files.read_cells(folder, about))


def open_index(run: str) -> Index:
    """The index of a finished run, given by the URI of its folder. Raises InputError where there is none, or one of
    other features than the run's.

    >>> from kindred.runtime import runs
    >>> index = open_index(runs.find_run("photos"))  # doctest: +SKIP
    >>> index.search(index.images(index.ids()[:1]), 8, "cosine", where=Filter(confidence=(0.9, 1)))  # doctest: +SKIP
    """
    return open_folder(check_run(run))


def check_run(run: str) -> str:
    """The URI of the folder with the index of a finished run. Raises InputError as `open_index` does."""
    mark, features = (marks.mark_of(storage.join(run, stage)) for stage in (stages.BUILD_INDEX, stages.FEATURIZE))
    if mark is None:
        raise unfinished.error(run, stages.BUILD_INDEX, "index")
    if features is None or features["attempt"] != mark["inputs"][stages.FEATURIZE]:
        reason = f"the index in {storage.local(run)} is of another extractor's features"
        raise InputError(f"{reason}; to build it again: {unfinished.command(run)}")
    return str(mark["facts"]["folder"])


def _vectors(queries: Images, by: Distance) -> np.ndarray:
    """What a distance works on of queries, [n, d] float32."""
    try:
        return np.ascontiguousarray(queries.vectors(by.vectors), np.float32)
    except InputError:
        raise InputError(f"the distance {by.name!r} works on {by.vectors}; the queries have none") from None
