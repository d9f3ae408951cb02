"""Supervised contrastive learning: among all other images of the batch, those of its class are to be an image's most
similar, as a softmax of cosines.

Source: P. Khosla et al., Supervised Contrastive Learning (NeurIPS 2020), equation 2.
"""

from collections.abc import Callable

import numpy as np

from kindred.learning import metric_losses, metric_training
from kindred.learning.metric_training import Method
from kindred.learning.networks import Network

LABELLED = True
TEMPERATURE = 0.1  # of the cosines


def fit(
    features: np.ndarray,
    classes: np.ndarray | None,
    seed: int,
    say: Callable[[str], None],
    views: np.ndarray | None = None,
) -> Network:
    return metric_training.fit(Method(loss), features, classes, seed, say, views)


def loss(vectors: np.ndarray, classes: np.ndarray, heads: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    same = metric_losses.same_class(classes)
    logits = vectors @ vectors.T / TEMPERATURE
    np.fill_diagonal(logits, -np.inf)
    logits -= logits.max(axis=1, keepdims=True)
    sums = np.exp(logits).sum(axis=1, keepdims=True)
    targets = same / np.maximum(same.sum(axis=1, keepdims=True), 1)
    anchors = same.any(axis=1, keepdims=True) / max(same.any(axis=1).sum(), 1)
    logarithms = np.where(same, logits - np.log(sums), 0)
    value = -float((anchors * targets * logarithms).sum())
    by_cosine = anchors * (np.exp(logits) / sums - targets) / TEMPERATURE
    return value, (by_cosine + by_cosine.T) @ vectors, np.zeros_like(heads)
