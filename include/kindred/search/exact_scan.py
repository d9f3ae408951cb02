"""The exact k nearest (or farthest) rows of a gallery for a block of queries.

1. One matrix product gives a lower bound of each key (`lower_bounds`). 2. The rows with the least bounds are compared
in full: the k-th best of them is an upper bound of the k-th best of all. 3. What the lower bound cannot exclude by that
is compared in full, and 4. what remains once more, in float64. For the farthest, keys change their sign.
"""

import contextlib
import functools
import math
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from kindred.search.float32_keys import Keys
from kindred.search.gallery import Gallery
from kindred.search.lower_bounds import MAX_WHOLE, LowerBound
from kindred.search.shards import Shard

GROUPS = 1024  # of rows, whose least bounds tell where the best ones are
COMPARED_FIRST = 4  # times k rows are compared in full for the upper bound
MANY_ROWS = 2**17  # from where on several threads look at one block of queries
BOUNDS_PER_BLOCK = 2**23  # queries times images that a thread holds at once: 32 MiB
MAX_FLOAT32 = np.finfo(np.float32).max
_free = threading.local()  # by dtype, memory that no block has


@dataclass(frozen=True)
class Scan:
    """One look through a gallery by one distance; `threads` are those of a comparison in full."""

    gallery: Gallery
    bound: LowerBound
    farthest: bool
    k: int
    threads: int

    @property
    def block(self) -> int:
        """How many queries are answered at once."""
        return max(1, BOUNDS_PER_BLOCK // self.gallery.starts[-1])

    def best(
        self, queries: np.ndarray, own: np.ndarray, excluded: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The best rows for queries [b, d], float32: query, row and distance [m], k for each query or as many as there
        are, best first, ties by id. All in memory of their own.

        `own` [b] is a row that a query must not get (-1: none), `excluded` [n] is infinite for each row that no query
        may get, else 0.
        """
        offset, side = self.bound.query_side(queries, self.farthest)
        with scratch((len(queries), self.gallery.starts[-1]), np.float32) as bounds:
            self._fill(bounds, side, own, excluded)
            query, row = _under(bounds, _least(bounds, COMPARED_FIRST * self.k))
            limit = self._kth(query, self._keys(queries, query, row)[1], len(queries))
            query, row = _under(bounds, np.nextafter((limit - offset).astype(np.float32), np.float32(np.inf)))
        return self._best_of(queries, query, row)

    def _best_of(
        self, queries: np.ndarray, query: np.ndarray, row: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The best of pairs [m] of a query and a row, the queries rising."""
        low, high = self._keys(queries, query, row)
        possible = low <= self._kth(query, high, len(queries))[query]
        return self._ranked(queries, query[possible], row[possible])

    def _fill(self, bounds: np.ndarray, side: np.ndarray, own: np.ndarray, excluded: np.ndarray | None) -> None:
        """The lower bounds of all keys, into `bounds` [b, n]."""
        sides = [shard[self.bound.distance.name] for shard in self.gallery.shards]
        parts = np.split(bounds, self.gallery.starts[1:-1], axis=1)
        if bounds.shape[1] < MANY_ROWS:
            for part in zip(sides, parts, strict=True):
                _multiply(side, *part)
        else:
            with ThreadPoolExecutor(self.threads) as pool:
                list(pool.map(functools.partial(_multiply, side), sides, parts))
        if excluded is not None:
            bounds += excluded
        bounds[np.flatnonzero(own >= 0), own[own >= 0]] = np.inf

    def _keys(self, queries: np.ndarray, query: np.ndarray, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Bounds from below and above of the keys of pairs [m] (minus the keys for the farthest)."""
        key, error = np.empty(len(row)), np.empty(len(row))
        compare = self._exact if queries.shape[1] <= MAX_WHOLE else self._fast
        for shard, here, inside in self.gallery.parts(row):
            key[here], error[here] = compare(shard, queries, query[here], inside)
        key = -key if self.farthest else key
        return key - error, key + error

    def _exact(self, shard: Shard, queries: np.ndarray, query: np.ndarray, row: np.ndarray) -> Keys:
        distance = self.bound.distance
        return distance.indexed_keys(queries, query, shard[distance.vectors], row), 0.0

    def _fast(self, shard: Shard, queries: np.ndarray, query: np.ndarray, row: np.ndarray) -> Keys:
        """Keys by the distance's own comparison in float32 and how far off they may be, if it states one."""
        distance = self.bound.distance
        if distance.float32_keys is None:
            return self._exact(shard, queries, query, row)
        lengths = shard["attributes"]["length"]
        return distance.float32_keys(queries, query, shard[distance.vectors], row, lengths, self.threads)

    def _ranked(
        self, queries: np.ndarray, query: np.ndarray, row: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        key = np.empty(len(row))
        for shard, here, inside in self.gallery.parts(row):
            key[here], _ = self._exact(shard, queries, query[here], inside)
        ids = self.gallery.column("ids", row)
        order = np.lexsort((ids, -key if self.farthest else key, query))
        first = np.searchsorted(query[order], np.arange(len(queries)))
        order = order[np.arange(len(order)) - first[query[order]] < self.k]
        return query[order], row[order], self.bound.distance.value(key[order])

    def _kth(self, query: np.ndarray, keys: np.ndarray, count: int) -> np.ndarray:
        """The k-th least of each query's keys [m], [b]; infinite where there are fewer. `query` is rising."""
        ends = np.searchsorted(query, np.arange(count + 1))
        parts = (keys[start:end] for start, end in zip(ends, ends[1:], strict=False))
        return np.array([np.partition(p, self.k - 1)[self.k - 1] if len(p) >= self.k else np.inf for p in parts])


def _multiply(side: np.ndarray, gallery: np.ndarray, out: np.ndarray) -> None:
    """side [b, s] . gallery [n, s] into out [b, n]. One query alone is faiss's: a BLAS wakes threads for it, which then
    wait in a loop and take the cores from other queries.
    """
    if len(side) > 1:
        np.matmul(side, gallery.T, out=out)
        return
    import faiss

    pointers = [faiss.swig_ptr(np.asarray(part)) for part in (out[0], side[0], gallery)]
    faiss.fvec_inner_products_ny(*pointers, gallery.shape[1], len(gallery))  # type: ignore[attr-defined]  # not in stubs


def _least(bounds: np.ndarray, count: int) -> np.ndarray:
    """A value for each query [b] under which `count` of its bounds [b, n] lie, or all of them."""
    groups = min(bounds.shape[1], max(GROUPS, 4 * count))
    high = bounds.shape[1] // groups
    least = bounds[:, : high * groups].reshape(len(bounds), high, groups).min(axis=1)
    count = min(count, groups)
    return np.partition(least, count - 1, axis=1)[:, count - 1]


def _under(bounds: np.ndarray, limits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Query and row of all finite bounds that are not above their query's limit, in this order."""
    with scratch(bounds.shape, np.bool_) as under:
        np.less_equal(bounds, np.minimum(limits, MAX_FLOAT32)[:, None], out=under)
        return np.divmod(np.flatnonzero(under), bounds.shape[1])


@contextlib.contextmanager
def scratch(shape: tuple[int, ...], dtype: type[np.generic]) -> Iterator[np.ndarray]:
    """An array of arbitrary values that nobody else has until the block ends.

    Its memory is this thread's, of an earlier block if it can: fresh memory costs more than what is done in it. A later
    block gets it again, so what leaves the block must not be the array nor a view of it.
    """
    size = math.prod(shape)
    memory = vars(_free).pop(dtype.__name__, None)
    if memory is None or memory.size < size:
        memory = np.empty(size, dtype)
    try:
        yield memory[:size].reshape(shape)
    finally:
        vars(_free)[dtype.__name__] = memory
