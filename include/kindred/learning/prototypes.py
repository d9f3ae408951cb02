"""The images that show what a cluster is: the nearest to its centre, and those at its border."""

import numpy as np

CENTRAL, BORDER = KINDS = ("central", "border")
CENTRAL_IMAGES, BORDER_IMAGES = 12, 6  # of each cluster


def by_distance(clusters: np.ndarray, distance: np.ndarray, k: int) -> list[np.ndarray]:
    """The rows of each cluster, nearest to its centre first; clusters [n] and distances to their centres [n].

    >>> [rows.tolist() for rows in by_distance(np.array([0, 1, 0]), np.array([0.5, 0.1, 0.2]), 2)]
    [[2, 0], [1]]
    """
    order = np.lexsort((distance, clusters))
    return np.split(order, np.cumsum(np.bincount(clusters, minlength=k))[:-1])


def border(clusters: np.ndarray, probabilities: np.ndarray, k: int) -> list[np.ndarray]:
    """The rows of each cluster, the least certain first: probabilities [n, k] of each cluster."""
    own = probabilities[np.arange(len(clusters)), clusters]
    others = probabilities.copy()
    others[np.arange(len(clusters)), clusters] = -1
    return by_distance(clusters, own - others.max(axis=1), k)
