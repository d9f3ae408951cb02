"""A classifier of dense layers and softmax; the layer before the last is the vector."""

from collections.abc import Callable

import numpy as np

from kindred.learning import metric_losses, metric_training
from kindred.learning.metric_training import Method
from kindred.learning.networks import Network

LABELLED = True


def fit(
    features: np.ndarray,
    classes: np.ndarray | None,
    seed: int,
    say: Callable[[str], None],
    views: np.ndarray | None = None,
) -> Network:
    return metric_training.fit(Method(loss, has_heads=True, unit=False), features, classes, seed, say, views)


def loss(vectors: np.ndarray, classes: np.ndarray, heads: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    value, by_logit = metric_losses.cross_entropy(vectors @ heads, classes)
    return value, by_logit @ heads.T, vectors.T @ by_logit
