"""Features about their mean, along their principal axes, each divided by the fourth root of its variance: half of a
whitening, so that what many images share counts less while axes of little variance stay small.

Source: H. Jegou, O. Chum, Negative Evidences and Co-occurrences in Image Retrieval: The Benefit of PCA and Whitening
(ECCV 2012), for whitening. Half of it (the exponent -1/4 in place of -1/2) is ours: all of it did harm.
"""

from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

from kindred.learning import principal_axes
from kindred.learning.networks import Layer, Network

LABELLED = False
MAPS = 2


def fit(features: np.ndarray, classes: np.ndarray | None, seed: int, say: Callable[[str], None]) -> Network:
    with threadpool_limits(1):  # sums are added up in one order
        axes = principal_axes.principal_axes(features)
        weights = principal_axes.half_whitening(axes)
    return Network((Layer(weights, np.zeros(weights.shape[1])),)).on_unscaled(axes.mean, 1.0)
