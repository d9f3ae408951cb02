"""A convolutional variational autoencoder, without labels: of an image it makes a normal distribution of vectors, of
which one is to be enough to make the image again, while the distribution stays near the standard one. Its mean is the
vector.

Source: D. Kingma, M. Welling, Auto-Encoding Variational Bayes (ICLR 2014), equation 10; pixels are normal too, with the
standard deviation DEVIATION.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from kindred.learning import pixel_training
from kindred.learning.pixel_encoder import PixelEncoder
from kindred.learning.pixel_training import VECTOR_SIZE, Method, Parts

LABELLED = False
PIXELS = True
DEVIATION = 0.1  # of a pixel from 0 to 1 about what is made of the vector: smaller, and images count for more


def fit(features: np.ndarray, classes: np.ndarray | None, seed: int, say: Callable[[str], None]) -> PixelEncoder:
    return pixel_training.fit_images(Method(top), features, seed, say)


def top(keras: Any, parts: Parts, classes: int) -> tuple[Any, Any]:
    """The image, the mean and the logarithm of the variance in one tensor [n, h * w * c + 2k]: a loss has one."""
    ops, layers, size = keras.ops, keras.layers, math.prod(parts.pixels.shape[1:])
    mean, logarithm = parts.vectors, layers.Dense(VECTOR_SIZE, kernel_initializer="zeros")(parts.flat)
    standard = layers.GaussianNoise(1.0)(ops.zeros_like(mean))  # in training; else 0, so that the mean is drawn
    drawn = mean + standard * ops.exp(logarithm / 2)
    images = layers.Flatten()(pixel_training.decoder(keras, parts._replace(vectors=drawn)))

    def loss(pixels: Any, answers: Any) -> Any:
        made, mean, logarithm = ops.split(answers, [size, size + VECTOR_SIZE], axis=1)
        errors = ops.sum(ops.square(ops.reshape(pixels, [-1, size]) - made), axis=1) / (2 * DEVIATION**2)
        divergence = ops.sum(ops.exp(logarithm) + ops.square(mean) - 1 - logarithm, axis=1) / 2
        return ops.mean(errors + divergence) / size

    return layers.Concatenate()([images, mean, logarithm]), loss
