"""Features of a network that has learned to tell from which image a distorted copy was made, each image being a class
of its own: from the images themselves, without labels.

A copy is translated, scaled, rotated, and changed in contrast and colour.

Source: A. Dosovitskiy et al., Discriminative Unsupervised Feature Learning with Exemplar Convolutional Neural Networks
(IEEE TPAMI 2016; arXiv 1406.6909 of 2015). Here whole images are the exemplars, not patches of them, and the network is
small.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from kindred.features import conv_blocks, keras_setup, pretext, training_curves

IMAGE_SIZE = None
MAX_SIDE_PX = pretext.MAX_SIDE_PX
CHANNELS = None
WEIGHTED = False
CODE = (conv_blocks, pretext, training_curves, keras_setup)

MIN_SAMPLE_IMAGES = pretext.MIN_IMAGES
SAMPLE_IMAGES = 2_000  # as many classes: of more the network would see too few copies each
VIEWS = 240_000  # copies that the network learns from: 120 of each image
TRANSLATION = 0.2  # of a side, at most
SCALES = 0.7, 1.4
ROTATION = 20.0  # degrees, at most
GAMMAS = 0.5, 2.0  # exponents of the levels: contrast
SATURATIONS = 0.5, 2.0
HUE = 36.0  # degrees, at most
YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])  # of RGB, television's


def fit_graph(sample: np.ndarray, say: Callable[[str], None]) -> bytes:
    def make_model(keras: Any, blocks: Any, shape: tuple[int, ...]) -> Any:
        return pretext.classifier(keras, blocks, shape, len(sample))

    return pretext.fit_graph(sample, make_batch, make_model, VIEWS, say)


def make_batch(images: np.ndarray, rows: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Distorted copies of images [b, h, w, c], as they are, and the images' rows [b]."""
    transform = keras_setup.keras().ops.image.affine_transform
    count, height, width, channels = images.shape
    moved = transform(images.astype(np.float32), motions(count, height, width, rng), fill_mode="nearest")
    gammas = log_uniform(*GAMMAS, count, rng)[:, None, None, None]
    levels = 255 * (np.asarray(moved) / 255).clip(0, 1) ** gammas
    if channels == 3:
        levels = np.einsum("nyxc,ndc->nyxd", levels, colours(count, rng)).clip(0, 255)
    return levels.astype(np.float32), rows


def motions(count: int, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Random transforms [count, 8], as Keras takes them: (x, y) of a copy is (a x + b y + c, d x + e y + f) of the
    image. They turn and scale about the middle.
    """
    angles = np.radians(rng.uniform(-ROTATION, ROTATION, count))
    scales = log_uniform(*SCALES, count, rng)
    cosines, sines = np.cos(angles) / scales, np.sin(angles) / scales
    middle = np.array([width - 1, height - 1]) / 2
    x, y = (middle + rng.uniform(-TRANSLATION, TRANSLATION, (count, 2)) * [width, height]).T
    zeros = np.zeros(count)
    rows = [cosines, -sines, x - cosines * middle[0] + sines * middle[1]]
    rows += [sines, cosines, y - sines * middle[0] - cosines * middle[1], zeros, zeros]
    return np.stack(rows, axis=1).astype(np.float32)


def colours(count: int, rng: np.random.Generator) -> np.ndarray:
    """Random matrices [count, 3, 3] of RGB that turn its hue and change its saturation, and leave its lightness."""
    angles = np.radians(rng.uniform(-HUE, HUE, count))
    saturations = log_uniform(*SATURATIONS, count, rng)
    cosines, sines = saturations * np.cos(angles), saturations * np.sin(angles)
    changes = np.zeros((count, 3, 3))
    changes[:, 0, 0] = 1
    changes[:, 1:, 1:] = np.array([[cosines, -sines], [sines, cosines]]).transpose(2, 0, 1)
    return np.asarray(np.linalg.inv(YIQ) @ changes @ YIQ)


def log_uniform(low: float, high: float, count: int, rng: np.random.Generator) -> np.ndarray:
    """Factors [count], as probable below their geometric middle as above."""
    return np.exp(rng.uniform(np.log(low), np.log(high), count))
