"""Features of a network that has learned to tell by how many quarter turns an image was rotated: from the images
themselves, without labels.

Source: S. Gidaris, P. Singh, N. Komodakis, Unsupervised Representation Learning by Predicting Image Rotations (ICLR
2018). Here the network is small, sees each image once per epoch and not in its four rotations at once, and of an image
that is no square a square from anywhere in it.
"""

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
TURNS = 4


def fit_graph(sample: np.ndarray, say: Callable[[str], None]) -> bytes:
    return pretext.fit_graph(sample, make_batch, make_model, VIEWS, say)


def make_batch(images: np.ndarray, rows: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Squares [b, side, side, c] of images [b, h, w, c], rotated, and their quarter turns [b]."""
    side = min(images.shape[1:3])
    tops, lefts = (rng.integers(0, extent - side + 1, len(images)) for extent in images.shape[1:3])
    turns = rng.integers(0, TURNS, len(images))
    squares = pretext.windows(images, tops, lefts, side, side)
    return np.stack([np.rot90(square, count) for square, count in zip(squares, turns, strict=True)]), turns


def make_model(keras: Any, blocks: Any, shape: tuple[int, ...]) -> Any:
    return pretext.classifier(keras, blocks, shape, TURNS)
