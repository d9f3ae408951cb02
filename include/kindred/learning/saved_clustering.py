"""Images divided into clusters, as a file that other stages read."""

import io
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SavedClustering:
    """Centroids [k, d], and of each image, in the order of their ids, its cluster [n] and its distance to the
    centroid [n].
    """

    centroids: np.ndarray
    cluster: np.ndarray
    distance: np.ndarray

    def to_bytes(self) -> bytes:
        """As an `.npz` file."""
        return _npz(centroids=self.centroids, cluster=self.cluster, distance=self.distance)

    def centroids_to_bytes(self) -> bytes:
        """The centroids alone, as an `.npz` file."""
        return _npz(centroids=self.centroids)

    @classmethod
    def from_bytes(cls, content: bytes) -> "SavedClustering":
        """The clustering that `to_bytes` wrote."""
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return cls(*(arrays[name] for name in ("centroids", "cluster", "distance")))


def by_size(clustering: SavedClustering) -> SavedClustering:
    """The clusters numbered anew, the largest 0, those of equal size in their order; without empty ones.

    >>> by_size(SavedClustering(np.eye(4), np.array([3, 1, 1, 0]), np.zeros(4))).cluster.tolist()
    [2, 0, 0, 1]
    """
    sizes = np.bincount(clustering.cluster, minlength=len(clustering.centroids))
    order = np.argsort(-sizes, kind="stable")
    number = np.empty(len(sizes), int)
    number[order] = np.arange(len(sizes))
    filled = order[: np.count_nonzero(sizes)]
    return SavedClustering(clustering.centroids[filled], number[clustering.cluster], clustering.distance)


def with_means(features: np.ndarray, cluster: np.ndarray, k: int) -> SavedClustering:
    """Clusters [n] of features [n, d] with the mean of each of the k as its centroid.

    >>> found = with_means(np.array([[0.0, 0], [2, 0], [5, 5]]), np.array([0, 0, 1]), 2)
    >>> found.centroids.tolist(), found.distance.tolist()
    ([[1.0, 0.0], [5.0, 5.0]], [1.0, 1.0, 0.0])
    """
    centroids = np.stack([_mean(features[cluster == number], features.shape[1]) for number in range(k)])
    distance = np.empty(len(features), np.float32)
    for number in range(k):
        rows = cluster == number
        distance[rows] = np.linalg.norm(features[rows] - centroids[number], axis=1)
    return SavedClustering(centroids, cluster, distance)


def _mean(features: np.ndarray, dimensions: int) -> np.ndarray:
    if not len(features):
        return np.zeros(dimensions, np.float32)
    return features.mean(axis=0, dtype=np.float64).astype(np.float32)


def _npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()
