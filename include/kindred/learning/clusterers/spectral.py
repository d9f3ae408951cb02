"""Spectral clustering: k-means of the images' places on the k main eigenvectors of the graph of nearest neighbours,
each place as a unit vector.

Source: A. Ng et al., On Spectral Clustering (NIPS 2001).
"""

import numpy as np
from threadpoolctl import threadpool_limits

from kindred.features import kmeans
from kindred.learning.pseudo_label_types import Pool

MAX_CLUSTERS = 200  # eigenvectors
FEW_IMAGES = 500  # all of whose eigenvectors are computed


def clusters(pool: Pool, k: int, seed: int) -> np.ndarray:
    _, places = main_eigenvectors(pool, k, seed)
    places /= np.maximum(np.linalg.norm(places, axis=1, keepdims=True), 1e-12)
    return kmeans.kmeans(places, k, pool.threads, seed)[1]


def main_eigenvectors(pool: Pool, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The greatest eigenvalues [count] of the graph, greatest first, and their eigenvectors [n, count]."""
    from scipy.sparse.linalg import eigsh

    with threadpool_limits(pool.threads):
        if len(pool.ids) <= FEW_IMAGES:
            values, vectors = np.linalg.eigh(pool.affinities.toarray())
        else:
            start = np.random.default_rng(seed).normal(size=len(pool.ids))
            values, vectors = eigsh(pool.affinities, count, which="LA", v0=start)
    order = np.argsort(-values)[:count]
    return values[order], vectors[:, order]
