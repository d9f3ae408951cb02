"""ArcFace: a softmax over the cosines of the vector with one of each class, where the angle to its own class counts as
larger by a margin.

Source: J. Deng et al., ArcFace: Additive Angular Margin Loss for Deep Face Recognition (CVPR 2019), equation 3. Scale
and margin are smaller here: classes are few, and photographs of one differ more than those of a face.
"""

from collections.abc import Callable

import numpy as np

from kindred.learning import metric_losses, metric_training
from kindred.learning.metric_training import Method
from kindred.learning.networks import Network

LABELLED = True
SCALE, MARGIN = 16.0, 0.3  # of the cosines; radians


def fit(
    features: np.ndarray,
    classes: np.ndarray | None,
    seed: int,
    say: Callable[[str], None],
    views: np.ndarray | None = None,
) -> Network:
    return metric_training.fit(Method(loss, has_heads=True), features, classes, seed, say, views)


def loss(vectors: np.ndarray, classes: np.ndarray, heads: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    lengths = np.maximum(np.linalg.norm(heads, axis=0), 1e-12)
    units, rows = heads / lengths, np.arange(len(classes))
    cosines = np.clip(vectors @ units, -1 + 1e-6, 1 - 1e-6)
    own = np.arccos(cosines[rows, classes])
    within = own < np.pi - MARGIN  # beyond, a constant is taken off in place of the angle
    logits = SCALE * cosines
    beyond = np.cos(own) - MARGIN * np.sin(MARGIN)
    logits[rows, classes] = SCALE * np.where(within, np.cos(own + MARGIN), beyond)
    value, by_cosine = metric_losses.cross_entropy(logits, classes)
    by_cosine *= SCALE
    by_cosine[rows, classes] *= np.where(within, np.sin(own + MARGIN) / np.sin(own), 1)
    by_unit = vectors.T @ by_cosine
    by_heads = (by_unit - (by_unit * units).sum(axis=0) * units) / lengths
    return value, by_cosine @ units.T, by_heads
