"""Clusters divided into smaller ones, until there are as many as are wanted."""

import numpy as np

from kindred.features import kmeans
from kindred.learning.pseudo_label_types import Pool


def split_largest(pool: Pool, clusters: np.ndarray, k: int, seed: int) -> np.ndarray:
    """The clusters [n], the largest divided into two until there are k."""
    clusters = clusters.copy()
    for number in range(int(clusters.max()) + 1, k):
        rows = np.flatnonzero(clusters == np.bincount(clusters).argmax())
        clusters[rows[_parts(pool, rows, 2, seed) == 1]] = number
    return clusters


def subclusters(pool: Pool, clusters: np.ndarray, k: int, seed: int) -> np.ndarray:
    """Each cluster divided by k-means in proportion to its size, k in all; [n]. `clusters`: at most k of them."""
    sizes = np.bincount(clusters)
    parts = np.ones(len(sizes), dtype=int)
    for _ in range(k - len(sizes)):
        parts[(sizes / parts).argmax()] += 1
    divided, first = np.empty_like(clusters), 0
    for number, count in enumerate(parts):
        rows = np.flatnonzero(clusters == number)
        divided[rows] = first + _parts(pool, rows, int(count), seed)
        first += count
    return divided


def _parts(pool: Pool, rows: np.ndarray, count: int, seed: int) -> np.ndarray:
    """The part of each of the rows, none of them empty: identical images are divided in their order."""
    if count == 1:
        return np.zeros(len(rows), dtype=int)
    _, parts, _ = kmeans.kmeans(pool.vectors[rows], count, pool.threads, seed)
    return parts if len(np.unique(parts)) == count else np.arange(len(rows)) * count // len(rows)
