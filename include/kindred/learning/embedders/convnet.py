"""A convolutional network that learns to classify images, from their pixels; the layer before the classes is the
vector.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from kindred.learning import pixel_training
from kindred.learning.pixel_encoder import PixelEncoder
from kindred.learning.pixel_training import Method, Parts

LABELLED = True
PIXELS = True
DROPOUT = 0.5  # the share of the vector that a step does not see


def fit(features: np.ndarray, classes: np.ndarray | None, seed: int, say: Callable[[str], None]) -> PixelEncoder:
    return pixel_training.fit_classes(Method(top), features, classes, seed, say)


def top(keras: Any, parts: Parts, classes: int) -> tuple[Any, Any]:
    seen = keras.layers.Dropout(DROPOUT)(parts.vectors)
    return keras.layers.Dense(classes, "softmax")(seen), "sparse_categorical_crossentropy"
