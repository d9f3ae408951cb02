"""What pseudo-labels are decided on: the images, the given labels, the settings, what a labeller sees, the verdict.

A *fold's* view knows the given labels of all other folds; the view of ALL knows every one.
"""

import functools
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import scipy.sparse as sparse

from kindred.features import kmeans, neighbours
from kindred.runtime import storage

ALL = -1


class Pool:
    """n images that may be learned from, given and unlabelled, sorted by id: features [n, d]. Labels are not seen."""

    def __init__(self, ids: np.ndarray, features: np.ndarray, threads: int, cache: Path | None = None) -> None:
        self.ids, self.features, self.threads, self.cache = ids, features, threads, cache

    @functools.cached_property
    def affinities(self) -> sparse.csr_matrix:
        """The graph of nearest neighbours, kept in `cache` for other runs on the same features."""
        if self.cache is not None and self.cache.exists():
            return sparse.load_npz(self.cache)
        found = neighbours.graph(self.features, self.threads)
        if self.cache is not None:
            with storage.atomic_file(f"file://{self.cache}") as file:
                sparse.save_npz(file, found)
        return found

    @functools.lru_cache(maxsize=1)  # noqa: B019 (a stage has one pool)
    def clusters(self, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Cluster and distance to its centroid of each image."""
        _, cluster, distance = kmeans.kmeans(self.features, k, self.threads, seed)
        return cluster, distance


@dataclass(frozen=True)
class Given:
    """g given labels: their rows in the pool, labels as numbers, folds."""

    rows: np.ndarray
    labels: np.ndarray
    folds: np.ndarray

    def views(self) -> list[int]:
        return [*np.unique(self.folds).tolist(), ALL]

    def known(self, view: int) -> np.ndarray:
        return np.flatnonzero(self.folds != view)


@dataclass(frozen=True)
class Settings:
    """What the run asks for. None leaves it open: the labeller's threshold, as many clusters as given labels."""

    threshold: float | None = None
    adaptive: bool = False
    percentile: float = 100.0
    clusters: int | None = None
    novelty: bool = True
    seed: int = 0


@dataclass(frozen=True)
class Scene:
    """What a labeller sees: the pool, the labels that this view knows (rows and numbers) and the probabilities
    [n, classes] of the base model that learned from them.
    """

    pool: Pool
    known: np.ndarray
    labels: np.ndarray
    base: np.ndarray
    settings: Settings
    _reached: dict[float, np.ndarray] = field(default_factory=dict, compare=False, repr=False)

    @property
    def classes(self) -> int:
        return self.base.shape[1]

    def seeds(self) -> np.ndarray:
        """[n, classes]: 1 at each known label."""
        found = np.zeros(self.base.shape)
        found[self.known, self.labels] = 1
        return found

    def reached(self, far: float) -> np.ndarray:
        """What reaches each image of each class's known labels over the graph, [n, classes]; solved for once."""
        if far not in self._reached:
            self._reached[far] = neighbours.spread(self.pool.affinities, self.seeds(), far)
        return self._reached[far]

    def clusters(self) -> tuple[np.ndarray, np.ndarray]:
        """Cluster and distance to its centroid of each image."""
        return self.pool.clusters(self.settings.clusters, self.settings.seed)


@dataclass(frozen=True)
class Verdict:
    """What one view decides on the pool's images, each [n]. A reason is "" for those that get their label."""

    labels: np.ndarray
    confidence: np.ndarray
    reasons: np.ndarray
    novelty: np.ndarray | None  # None where it was not asked for
    opinions: dict[str, np.ndarray]  # [n, classes] by labeller, calibrated

    @property
    def accepted(self) -> np.ndarray:
        return self.reasons == ""
