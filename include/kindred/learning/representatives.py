"""Which images are worth a label: one near the centre of each cluster, of the clustering that agrees best with the
images' neighbours. No label is looked at.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa

from kindred.features import neighbours
from kindred.learning import cluster_splits, given_labels
from kindred.learning.pseudo_label_types import Pool
from kindred.runtime import variants

JUDGED_IMAGES = 4000  # at most: enough to know a share to half a point
FARTHEST_RANK = 25  # of the neighbours that judge, where clusters are large
IMAGES_PER_RANK = 4  # a cluster holds on average so many times as many images as the farthest rank says


def choose(known: pa.Table, total: int, pool: Pool, classes: int, seed: int, say: Callable[[str], None]) -> pa.Table:
    """`total` labels, of the images nearest to the centres of as many clusters of the pool, as the table `labels`.
    `known`: image_id, label, of images of the pool.
    """
    given_labels.check_budget(total, len(known))
    candidates = np.flatnonzero(pd.Index(pool.ids).isin(known["image_id"].to_pylist()))
    clusters = best_clusters(pool, total, classes, seed, say)
    return given_labels.rows_of(known, pool.ids[nearest_to_centres(pool.vectors, clusters, candidates)])


def best_clusters(pool: Pool, k: int, classes: int, seed: int, say: Callable[[str], None]) -> np.ndarray:
    """The cluster of each image [n], of k, by the best clusterer: that of which as many clusters as there are classes
    hold most neighbours together. Where k is larger it makes k clusters, or, if it makes few only, its own are divided.
    """
    few = min(k, classes)
    clusterings = {
        name: clusterer.clusters(pool, few, seed)
        for name in variants.names("clusterer")
        if few <= getattr(clusterer := variants.load("clusterer", name), "MAX_CLUSTERS", few)
    }
    together = neighbours_together(pool.vectors, list(clusterings.values()), few, pool.threads)
    shares = dict(zip(clusterings, together, strict=True))
    best = max(shares, key=lambda name: shares[name])
    say(f"{best}, of " + ", ".join(f"{name} ({share:.1%} of neighbours together)" for name, share in shares.items()))
    if few == k:
        return clusterings[best]
    clusterer = variants.load("clusterer", best)
    if hasattr(clusterer, "MAX_CLUSTERS"):
        return cluster_splits.subclusters(pool, clusterings[best], k, seed)
    clusters: np.ndarray = clusterer.clusters(pool, k, seed)
    return clusters


def neighbours_together(vectors: np.ndarray, clusterings: list[np.ndarray], k: int, threads: int) -> list[float]:
    """For each of several clusterings [n] into k: the share of images' neighbours that are in the image's own cluster.

    Communities are made of the nearest neighbours, so they would be best by these alone: the next ones count, as far
    as clusters are large enough to hold them.
    """
    farthest = int(np.clip(len(vectors) / k / IMAGES_PER_RANK, neighbours.NEIGHBOURS, FARTHEST_RANK))
    rows = np.arange(0, len(vectors), max(1, -(-len(vectors) // JUDGED_IMAGES)))
    _, nearest = neighbours.nearest(vectors, vectors[rows], min(farthest + 1, len(vectors)), threads)
    unseen = nearest[:, neighbours.NEIGHBOURS + 1 :] if farthest > neighbours.NEIGHBOURS else nearest[:, 1:]
    return [float((clusters[unseen] == clusters[rows][:, None]).mean()) for clusters in clusterings]


def nearest_to_centres(vectors: np.ndarray, clusters: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """For each cluster the row of one of the `candidates`, each once: of its own images the nearest to their mean; for
    a cluster without a candidate the nearest of the others.
    """
    free = np.ones(len(candidates), dtype=bool)
    own, chosen = clusters[candidates], {}
    numbers = range(int(clusters.max()) + 1)
    for number in sorted(numbers, key=lambda number: not (own == number).any()):
        centre = vectors[clusters == number].mean(axis=0)
        eligible = np.flatnonzero(own == number) if (own == number).any() else np.flatnonzero(free)
        nearest = eligible[int((vectors[candidates[eligible]] @ centre).argmax())]
        free[nearest] = False
        chosen[number] = candidates[nearest]
    return np.array([chosen[number] for number in numbers])
