"""What pseudo-labels are made from: the images, the given labels, the settings, what a labeller sees; and the result.

A *fold's* view knows the given labels of all other folds; the view of ALL knows every one.
"""

import functools
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import scipy.sparse as sparse

from kindred.features import approximate_neighbours, kmeans, neighbours
from kindred.learning.folds import ALL
from kindred.runtime import storage

T = TypeVar("T")


class Pool:
    """n images that may be learned from, given and unlabelled, sorted by id: features [n, d]. Labels are not seen."""

    def __init__(self, ids: np.ndarray, features: np.ndarray, threads: int, cache: Path | None = None) -> None:
        self.ids, self.features, self.threads, self.cache = ids, features, threads, cache
        self._clusters: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = {}
        self._computed: dict[Hashable, Any] = {}

    @functools.cached_property
    def vectors(self) -> np.ndarray:
        """The features as unit vectors about their mean [n, d], float32."""
        return neighbours.unit_vectors(self.features)

    @functools.cached_property
    def reduced(self) -> np.ndarray:
        """The same on their first principal axes, float32 [n, up to approximate_neighbours.AXES]."""
        return approximate_neighbours.reduced(self.features)

    @functools.cached_property
    def affinities(self) -> sparse.csr_matrix:
        """The graph of nearest neighbours [n, n], kept in the file `cache` for other runs on the same features."""
        if self.cache is not None and self.cache.exists():
            return sparse.csr_matrix(sparse.load_npz(self.cache))
        codes = self.reduced if len(self.features) > neighbours.EXACT_IMAGES else None
        graph = neighbours.graph(self.features, self.threads, codes=codes)
        if self.cache is not None:
            with storage.atomic_file(f"file://{self.cache}") as file:
                sparse.save_npz(file, graph)
        return graph

    def graph_recall(self) -> float | None:
        """The share of the nearest that the graph links, of a sample; None where no graph was asked for."""
        if "affinities" not in vars(self) or len(self.ids) < 2:
            return None
        return neighbours.recall(self.features, self.affinities, self.threads)

    def once(self, name: Hashable, compute: Callable[[], T]) -> T:
        """What `compute` gives, computed the first time that it is asked for under this name."""
        if name not in self._computed:
            self._computed[name] = compute()
        found: T = self._computed[name]
        return found

    def clusters(self, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """The cluster of each image [n], of k, and its distance to the centroid [n]; computed once."""
        if (k, seed) not in self._clusters:
            _, cluster, distance = kmeans.kmeans(self.features, k, self.threads, seed)
            self._clusters[k, seed] = cluster, distance
        return self._clusters[k, seed]


@dataclass(frozen=True)
class GivenLabels:
    """g given labels: their rows in the pool [g], labels as numbers [g], folds [g], ALL for those never held out."""

    rows: np.ndarray
    labels: np.ndarray
    folds: np.ndarray

    def fold_numbers(self) -> list[int]:
        """The folds, each once; none where no label is held out."""
        numbers: list[int] = np.unique(self.folds[self.folds != ALL]).tolist()
        return numbers

    def views(self) -> list[int]:
        """Whose views there are: each fold's, and that of ALL."""
        return [*self.fold_numbers(), ALL]

    def known_to(self, fold: int) -> np.ndarray:
        """The given labels, by their position, that the view of a fold (or ALL) knows."""
        return np.arange(len(self.rows)) if fold == ALL else np.flatnonzero(self.folds != fold)


@dataclass(frozen=True)
class Settings:
    """What the run's params say. `threshold` None: the labeller's own; `clusters` None: as many as given labels."""

    threshold: float | None = None
    adaptive: bool = False
    percentile: float = 100.0
    clusters: int | None = None
    novelty: bool = True
    seed: int = 0


@dataclass(frozen=True)
class View:
    """What a labeller sees: the pool, the labels that this view knows (their rows in the pool, and numbers) and the
    probabilities [n, classes] of the base model that learned from them.
    """

    pool: Pool
    known: np.ndarray
    labels: np.ndarray
    base: np.ndarray
    settings: Settings
    _spread: dict[float, np.ndarray] = field(default_factory=dict, compare=False, repr=False)

    @property
    def classes(self) -> int:
        return int(self.base.shape[1])

    def one_hot(self) -> np.ndarray:
        """The known labels as an array [n, classes]: 1 at each, 0 elsewhere."""
        labels = np.zeros(self.base.shape)
        labels[self.known, self.labels] = 1
        return labels

    def spread_labels(self, alpha: float) -> np.ndarray:
        """The known labels spread over the graph, [n, classes], with the share `alpha` passed on at each step; computed
        once for each alpha.
        """
        if alpha not in self._spread:
            self._spread[alpha] = neighbours.spread(self.pool.affinities, self.one_hot(), alpha)
        return self._spread[alpha]

    def clusters(self) -> tuple[np.ndarray, np.ndarray]:
        """The cluster of each image [n], and its distance to the centroid [n]."""
        return self.pool.clusters(self.settings.clusters or len(self.known), self.settings.seed)


@dataclass(frozen=True)
class PseudoLabels:
    """What one view assigns to the pool's images: labels as numbers [n], their calibrated probability [n], the reason
    why an image is refused [n] ("" where it is accepted), its novelty (out-of-distribution score) [n], and the
    calibrated probabilities [n, classes] by labeller.
    """

    labels: np.ndarray
    confidence: np.ndarray
    reasons: np.ndarray
    novelty: np.ndarray | None  # None where the run does without
    probabilities: dict[str, np.ndarray]

    @property
    def accepted(self) -> np.ndarray:
        return self.reasons == ""
