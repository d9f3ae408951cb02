"""Features of a network that has learned to tell in which of 64 orders it sees the nine patches of an image: from the
images themselves, without labels.

An image is divided into 3 x 3 cells of 75 px, if it had 225; of each cell a patch of 64 px is taken from anywhere in
it, so that edges do not go on from one to the next. Each patch loses its own mean and contrast.

Source: M. Noroozi, P. Favaro, Unsupervised Learning of Visual Representations by Solving Jigsaw Puzzles (ECCV 2016,
version 3 of 2017). Here the network is small, and the orders are the first 64 of 72 that differ in 8 or 9 of 9 places.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from kindred.features import conv_blocks, pretext, training_curves

IMAGE_SIZE = None
MAX_SIDE_PX = pretext.MAX_SIDE_PX
CHANNELS = None
WEIGHTED = False
CODE = (conv_blocks, pretext, training_curves)

MIN_SAMPLE_IMAGES = pretext.MIN_IMAGES
SAMPLE_IMAGES = 60_000
VIEWS = 240_000  # that the network learns from: four epochs of so many images
ORDERS = 64
PATCH_SHARE = 64 / 75  # of a cell's side
PATCH_UNITS, UNITS = 64, 256  # of the dense layers for a patch and for all nine


def fit_graph(sample: np.ndarray, say: Callable[[str], None]) -> bytes:
    return pretext.fit_graph(sample, make_batch, make_model, VIEWS, say)


@functools.cache
def orders() -> np.ndarray:
    """Permutations [64, 9] of the nine places, no two of which agree in more than one: the maps x -> a x + b, a not 0,
    of the field of nine elements, which are the Gaussian integers modulo 3.
    """
    elements = np.array([complex(real, imaginary) for real in range(3) for imaginary in range(3)])
    images = elements[1:, None, None] * elements + elements[:, None]  # [a, b, x]
    return (3 * (images.real % 3) + images.imag % 3).astype(int).reshape(-1, 9)[:ORDERS]


def make_batch(images: np.ndarray, rows: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Patches [b, 9, h', w', c] of images [b, h, w, c] in one of the orders, and its number [b]."""
    cells = [side // 3 for side in images.shape[1:3]]
    patch = [max(1, round(PATCH_SHARE * cell)) for cell in cells]
    shifts = [rng.integers(0, cell - px + 1, (len(images), 9)) for cell, px in zip(cells, patch, strict=True)]
    tops, lefts = (shift + cell * at for shift, cell, at in zip(shifts, cells, np.divmod(np.arange(9), 3), strict=True))
    numbers = rng.integers(0, ORDERS, len(images))
    patches = pretext.windows(images, tops, lefts, *patch)
    return np.take_along_axis(patches, orders()[numbers][:, :, None, None, None], axis=1), numbers


def make_model(keras: Any, blocks: Any, shape: tuple[int, ...]) -> Any:
    layers = keras.layers
    levels = keras.Input(shape)
    maps = blocks(keras.ops.reshape(levels, (-1, *shape[1:])))
    units = layers.Dense(PATCH_UNITS, "relu")(layers.Flatten()(maps))
    together = layers.Dense(UNITS, "relu")(keras.ops.reshape(units, (-1, 9 * PATCH_UNITS)))
    return keras.Model(levels, layers.Dense(ORDERS, "softmax")(together))
