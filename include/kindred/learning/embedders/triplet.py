"""Triplets: each image is to be nearer to the farthest of its class in the batch than to the nearest of another.

Source: A. Hermans et al., In Defense of the Triplet Loss for Person Re-Identification (2017), batch hard with the soft
margin, equations 5 and 6. Here on unit vectors, whose distances are scaled to mean as much.
"""

from collections.abc import Callable

import numpy as np

from kindred.learning import metric_losses, metric_training
from kindred.learning.metric_training import Method
from kindred.learning.networks import Network

LABELLED = True
SCALE = 8.0  # of the distances, which are 2 at most


def fit(
    features: np.ndarray,
    classes: np.ndarray | None,
    seed: int,
    say: Callable[[str], None],
    views: np.ndarray | None = None,
) -> Network:
    return metric_training.fit(Method(loss), features, classes, seed, say, views)


def loss(vectors: np.ndarray, classes: np.ndarray, heads: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    apart, same = metric_losses.distances(vectors), metric_losses.same_class(classes)
    other = classes[:, None] != classes
    anchors = np.flatnonzero(same.any(axis=1) & other.any(axis=1))
    positive = np.where(same, apart, -np.inf)[anchors].argmax(axis=1)
    negative = np.where(other, apart, np.inf)[anchors].argmin(axis=1)
    difference = SCALE * (apart[anchors, positive] - apart[anchors, negative])
    by_distance = np.zeros_like(apart)
    slope = SCALE * 0.5 * (1 + np.tanh(difference / 2)) / max(len(anchors), 1)
    by_distance[anchors, positive] += slope
    by_distance[anchors, negative] -= slope
    value = float(np.logaddexp(0, difference).sum() / max(len(anchors), 1))
    return value, metric_losses.by_vectors(vectors, apart, by_distance), np.zeros_like(heads)
