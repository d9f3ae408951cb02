"""A siamese network of convolutions, from noisy pixels: images of one class are pulled together, those of different
ones pushed apart up to a margin. `siamese` is the same on features.

Source: R. Hadsell et al., Dimensionality Reduction by Learning an Invariant Mapping (CVPR 2006), equation 4. Here on
unit vectors, of all pairs of a batch, and both kinds of pairs count as much, whatever their number.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from kindred.learning import pixel_training
from kindred.learning.embedders.siamese import MARGIN
from kindred.learning.pixel_encoder import PixelEncoder
from kindred.learning.pixel_training import Method, Parts

LABELLED = True
PIXELS = True
NOISE = 0.1  # standard deviation, of pixels from 0 to 1


def fit(features: np.ndarray, classes: np.ndarray | None, seed: int, say: Callable[[str], None]) -> PixelEncoder:
    return pixel_training.fit_classes(Method(top, NOISE, pairs=True), features, classes, seed, say)


def top(keras: Any, parts: Parts, classes: int) -> tuple[Any, Any]:
    ops = keras.ops

    def loss(numbers: Any, vectors: Any) -> Any:
        numbers = ops.reshape(numbers, [-1])
        same = ops.cast(numbers[:, None] == numbers, "float32")
        places = ops.cumsum(ops.ones_like(numbers))  # an image makes no pair with itself
        other, same = 1 - same, same * ops.cast(places[:, None] != places, "float32")
        squares = ops.maximum(2 - 2 * vectors @ ops.transpose(vectors), 1e-12)
        lacking = ops.maximum(MARGIN - ops.sqrt(squares), 0)
        pull = ops.sum(same * squares) / ops.maximum(ops.sum(same), 1)
        return pull + ops.sum(other * lacking**2) / ops.maximum(ops.sum(other), 1)

    return keras.layers.UnitNormalization()(parts.vectors), loss
