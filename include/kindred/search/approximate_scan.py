"""Approximate search: only the cells nearest to a query are looked into, and the best of what they hold is compared in
full. A distance that is answered is exact, but an image may be missed; how many are is measured (`recall`).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kindred.search import cells
from kindred.search.cells import Cells
from kindred.search.exact_scan import BOUNDS_PER_BLOCK, Scan
from kindred.search.shards import Shard

Triple = tuple[np.ndarray, np.ndarray, np.ndarray]  # of query, row and distance [m]
MAX_BLOCK = 64  # queries that are answered at once


@dataclass(frozen=True)
class ApproximateScan(Scan):
    """A Scan for the nearest that looks into the `probes` nearest cells of each query. Of what they hold, `compared`
    times k images are compared in full. Not `complete`: a query may get fewer than k, so that they can be counted.
    """

    cells: Cells
    probes: int
    compared: int
    complete: bool = True

    @property
    def block(self) -> int:
        """How many queries are answered at once."""
        candidates = self.compared * self.k * len(self.gallery.shards)
        return max(1, min(MAX_BLOCK, BOUNDS_PER_BLOCK // candidates))

    def best(self, queries: np.ndarray, own: np.ndarray, excluded: np.ndarray | None) -> Triple:
        """As of a Scan, but that some of the best may be missing. Where the cells hold fewer than k, exactly that."""
        points = cells.padded(self.bound.query_points(queries))
        probed = self.cells.nearest(points, self.probes)
        count = self.compared * self.k
        parts = [self._in_shard(number, points, count, *probed, excluded) for number in range(len(self.gallery.shards))]
        distances, rows = (np.concatenate(both, axis=1) for both in zip(*parts, strict=True))
        distances[(rows < 0) | (rows == own[:, None])] = np.inf
        if count < rows.shape[1]:
            least = np.argpartition(distances, count - 1, axis=1)[:, :count]
            distances, rows = (np.take_along_axis(both, least, 1) for both in (distances, rows))
        query, column = np.nonzero(distances < np.inf)
        short = np.bincount(query, minlength=len(queries)) < self.k
        best = self._best_of(queries, query, rows[query, column])
        return self._completed(best, np.flatnonzero(short), queries, own, excluded) if self.complete else best

    def _completed(
        self, best: Triple, short: np.ndarray, queries: np.ndarray, own: np.ndarray, excluded: np.ndarray | None
    ) -> Triple:
        """The best rows, of those queries that got fewer than k what a Scan answers, few queries at a time."""
        size, parts = super().block, [tuple(part[~np.isin(best[0], short)] for part in best)]
        for some in (short[start : start + size] for start in range(0, len(short), size)):
            query, row, distance = super().best(queries[some], own[some], excluded)
            parts.append((some[query], row, distance))
        query, row, distance = (np.concatenate(every) for every in zip(*parts, strict=True))
        order = np.argsort(query, kind="stable")
        return query[order], row[order], distance[order]

    def _in_shard(
        self,
        number: int,
        points: np.ndarray,
        count: int,
        distances: np.ndarray,
        probed: np.ndarray,
        excluded: np.ndarray | None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Squared distances and rows of the nearest points of a shard, [b, count] each; the row is -1 where there are
        fewer.
        """
        import faiss

        shard, start = self.gallery.shards[number], self.gallery.starts[number]
        lists = lists_of(shard, self.bound.distance.name, self.cells)
        choice: dict[str, Any] = {"nprobe": self.probes}
        if excluded is not None and self.gallery.deleted[number] is not None:
            left = np.packbits(excluded[start : start + len(shard)] == 0, bitorder="little")
            choice["sel"] = faiss.IDSelectorBitmap(left)  # type: ignore[call-arg, arg-type]  # wrong in its stubs
        parameters = faiss.SearchParametersIVF(**choice)
        near, rows = np.empty((len(points), count), np.float32), np.empty((len(points), count), np.int64)
        pointers = [faiss.swig_ptr(array) for array in (points, probed, distances, near, rows)]
        faiss.omp_set_num_threads(1)
        lists.search_preassigned_c(len(points), pointers[0], count, *pointers[1:], False, parameters)
        rows[rows >= 0] += start
        return near, rows


def lists_of(shard: Shard, name: str, of: Cells) -> Any:
    """The lists of a shard by the distance of that name, made by the first search and kept with it in memory."""
    with shard.making:
        if name not in shard.made:
            shard.made[name] = of.lists(shard[name], shard[cells.array(name)])
        return shard.made[name]
