"""A clusterer's work on a pool, made whole: as many clusters as are asked for, none of them empty, and how many of them
the clusterer itself has found.
"""

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from kindred.learning.cluster_splits import split_largest
from kindred.learning.pseudo_label_types import Pool
from kindred.runtime import variants
from kindred.runtime.errors import InputError


@dataclass(frozen=True)
class Clustering:
    """The cluster of each image [n], 0 to k - 1, none of them empty; and how many the clusterer has `found`: where it
    has collapsed, fewer than k, whose largest were then divided.
    """

    clusters: np.ndarray
    found: int

    @property
    def k(self) -> int:
        return int(self.clusters.max()) + 1

    @property
    def collapsed(self) -> bool:
        return self.found < self.k


def clustering(name: str, pool: Pool, k: int, seed: int) -> Clustering:
    """The images of a pool in k clusters, by the clusterer of this name; the same for the same seed.

    Raises InputError where k is below 1 or above the number of images.
    """
    n = len(pool.ids)
    if not 1 <= k <= n:
        raise InputError(f"{k:,} clusters of {n:,} images; there must be at least one, and an image for each")
    if k in (1, n):
        return Clustering(np.arange(n) % k, k)
    if not np.ptp(pool.features, axis=0).any():  # all images are alike
        found = np.zeros(n, dtype=int)
    else:
        with threadpool_limits(1, "blas"):  # sums are added up in one order, and small products cost half as much
            found = variants.load("clusterer", name).clusters(pool, k, seed)
    numbers, clusters = np.unique(found, return_inverse=True)
    return Clustering(split_largest(pool, clusters, k, seed), len(numbers))
