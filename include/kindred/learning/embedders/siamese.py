"""A siamese network: images of one class are pulled together, those of different ones pushed apart up to a margin.

Source: R. Hadsell et al., Dimensionality Reduction by Learning an Invariant Mapping (CVPR 2006), equation 4. Here on
unit vectors, and both kinds of pairs count as much, whatever their number.
"""

from collections.abc import Callable

import numpy as np

from kindred.learning import metric_losses, metric_training
from kindred.learning.metric_training import Method
from kindred.learning.networks import Network

LABELLED = True
MARGIN = 1.2  # of the distance, which is 2 at most


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
    pull, push = same / max(same.sum(), 1), other / max(other.sum(), 1)
    lacking = np.maximum(MARGIN - apart, 0)
    value = float((pull * apart**2 + push * lacking**2).sum())
    by_distance = 2 * (pull * apart - push * lacking)
    return value, metric_losses.by_vectors(vectors, apart, by_distance), np.zeros_like(heads)
