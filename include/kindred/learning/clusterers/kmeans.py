"""k-means of the features, the best of several starts.

Source: S. Lloyd, Least Squares Quantization in PCM (IEEE Transactions on Information Theory 1982).
"""

import numpy as np

from kindred.features import kmeans
from kindred.learning.pseudo_label_types import Pool


def with_losses(pool: Pool, k: int, seed: int) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], list[float]]:
    """Centroids [k, d], clusters [n] and distances [n], and the mean squared distance after each iteration."""
    return kmeans.kmeans_with_losses(pool.features, k, pool.threads, seed)


def clusters(pool: Pool, k: int, seed: int) -> np.ndarray:
    return pool.clusters(k, seed)[0]
