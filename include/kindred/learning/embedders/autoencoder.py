"""A convolutional autoencoder, without labels: of a noisy image it makes a vector, of the vector the image without the
noise.

Source: P. Vincent et al., Extracting and Composing Robust Features with Denoising Autoencoders (ICML 2008).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from kindred.learning import pixel_training
from kindred.learning.pixel_encoder import PixelEncoder
from kindred.learning.pixel_training import Method, Parts

LABELLED = False
PIXELS = True
NOISE = 0.3  # standard deviation, of pixels from 0 to 1


def fit(features: np.ndarray, classes: np.ndarray | None, seed: int, say: Callable[[str], None]) -> PixelEncoder:
    return pixel_training.fit_images(Method(top, NOISE), features, seed, say)


def top(keras: Any, parts: Parts, classes: int) -> tuple[Any, Any]:
    return pixel_training.decoder(keras, parts), "mean_squared_error"
