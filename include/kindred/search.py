"""Search in a run's index: the k most and the k least similar images of a query, exactly. Knows nothing of Spark."""

from dataclasses import dataclass

import numpy as np
import pyarrow.dataset as ds

from kindred import runs
from kindred.arrow import matrix
from kindred.distances import distance
from kindred.errors import InputError

STAGE = "build_index"


@dataclass(frozen=True)
class Index:
    """A gallery of n images, sorted by id: ids [n], features [n, d], probabilities [n, classes], classes by name."""

    ids: np.ndarray
    features: np.ndarray
    probabilities: np.ndarray
    classes: list[str]

    def neighbours(self, query: np.ndarray, name: str, k: int, farthest: bool = False) -> list[tuple[str, float]]:
        """The k nearest (or farthest) images of a query vector as (image_id, distance), nearest (farthest) first.

        `name` is one of `distances.DISTANCES`; ties are broken by id. Raises InputError for a k or query that cannot
        be.
        """
        kind, measure = distance(name)
        vectors = getattr(self, kind)
        if not len(vectors):
            raise InputError("the index is empty: the run had no unlabelled image")
        if not 1 <= k <= len(vectors):
            raise InputError(f"k is {k}; the index has {len(vectors):,} images")
        if query.shape != vectors.shape[1:]:
            raise InputError(f"the query has {query.size} {kind}, the index {vectors.shape[1]}")
        found = measure(query, vectors)
        key = -found if farthest else found
        nearest = np.argpartition(key, k - 1)[:k]
        candidates = np.flatnonzero(key <= key[nearest].max())
        order = candidates[np.lexsort((self.ids[candidates], key[candidates]))][:k]
        return [(str(self.ids[i]), float(found[i])) for i in order]


def open_index(run: str) -> Index:
    """The index of a finished run, given by the URI of its folder. Raises InputError where there is none."""
    mark = runs.mark_of(runs.join(run, STAGE))
    if mark is None:
        raise InputError(f"no finished 'index' in {runs.local(run)}; run the '{STAGE}' stage first")
    fs, inside = runs.filesystem(mark["tables"]["index"])
    table = ds.dataset(inside, filesystem=fs, format="parquet").to_table().sort_by("image_id")
    columns = [matrix(table.column(name).combine_chunks()) for name in ("features", "probabilities")]
    return Index(table.column("image_id").to_numpy(), *columns, mark["facts"]["classes"])
