"""Which images are worth a label: one near the centre of each cluster, of the clustering that says most about an
image's neighbours. No label is looked at.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa

from kindred.features import neighbours
from kindred.learning import cluster_splits, clusterings, given_labels
from kindred.learning.pseudo_label_types import Pool
from kindred.runtime import variants

CLUSTERERS = ("communities", "kmeans", "temi_even")  # whose clusterings are compared
JUDGED_IMAGES = 4000  # at most
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
    share most information with those of the neighbours. Where k is larger it makes k clusters, or, if it makes few
    only, its own are divided.
    """
    few = min(k, classes)
    few_clusters = {
        name: clusterings.clustering(name, pool, few, seed).clusters
        for name in CLUSTERERS
        if few <= getattr(variants.load("clusterer", name), "MAX_CLUSTERS", few)
    }
    images, unseen = judges(pool, few)
    shared = {name: shared_information(c[images], c[unseen]) for name, c in few_clusters.items()}
    best = max(shared, key=lambda name: shared[name])
    values = ", ".join(f"{name} {value:.3f}" for name, value in shared.items())
    say(f"clusters by {best}, which say most about an image's neighbours (normalised mutual information: {values})")
    if few == k:
        return few_clusters[best]
    if hasattr(variants.load("clusterer", best), "MAX_CLUSTERS"):
        return cluster_splits.subclusters(pool, few_clusters[best], k, seed)
    return clusterings.clustering(best, pool, k, seed).clusters


def judges(pool: Pool, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Images [m] that judge a clustering into k, and neighbours of each [m, ranks].

    Communities are made of the nearest neighbours, so they would be best by these alone: the next ones judge, as far as
    k clusters are large enough to hold them.
    """
    farthest = int(np.clip(len(pool.ids) / k / IMAGES_PER_RANK, neighbours.NEIGHBOURS, FARTHEST_RANK))
    images = np.arange(0, len(pool.ids), max(1, -(-len(pool.ids) // JUDGED_IMAGES)))
    _, nearest = neighbours.nearest(pool.vectors, pool.vectors[images], min(farthest + 1, len(pool.ids)), pool.threads)
    return images, nearest[:, neighbours.NEIGHBOURS + 1 :] if farthest > neighbours.NEIGHBOURS else nearest[:, 1:]


def shared_information(own: np.ndarray, of_neighbours: np.ndarray) -> float:
    """The normalised mutual information of images' clusters [m] and their neighbours' [m, ranks], 0 to 1. The share of
    neighbours in the same cluster is high for any few clusters, and where one is large.

    Source: A. Strehl, J. Ghosh, Cluster Ensembles (Journal of Machine Learning Research 2002, section 3.1).

    >>> shared_information(np.array([0, 0, 1]), np.array([[0], [0], [1]]))
    1.0
    >>> shared_information(np.array([0, 0, 0]), np.array([[0], [0], [0]]))
    0.0
    """
    k = int(max(own.max(), of_neighbours.max())) + 1
    joint = np.bincount((own[:, None] * k + of_neighbours).ravel(), minlength=k * k).reshape(k, k)
    joint = (joint + joint.T) / joint.sum() / 2
    share = joint.sum(axis=0)
    occur = joint > 0
    entropy = -(share[share > 0] * np.log(share[share > 0])).sum()
    information = (joint[occur] * np.log((joint / np.outer(share, share).clip(1e-300))[occur])).sum()
    return float(information / entropy) if entropy else 0.0


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
