"""A small convolutional network that learns from images without labels, by a task whose answers are known.

Three blocks of a 3 x 3 convolution and ReLU, of which the first two halve the map by its maxima. The layers that a task
puts on top of them are thrown away. Features are the last map, averaged within the cells of a grid. What the network
sees, an image or a patch of one, loses its mean and its contrast first.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import TensorProto

from kindred.features import conv_blocks, keras_setup, onnx_graphs, training_curves
from kindred.features.conv_blocks import Constants, Convolution, Step

MAX_SIDE_PX = 48  # larger images are shrunk: time grows with the number of pixels
MIN_IMAGES = 32  # to learn from
WIDTHS = (32, 64, 128)  # channels of the blocks
POOLED_BLOCKS = 2
SMALLEST_PX = 8  # smaller images are enlarged until their shorter side is at least that long
GRID = 3  # cells a side
NOISE_VARIANCE = 64.0  # squared grey levels, added to the variance: flat images are not blown up to noise
BATCH = 128
MAX_EPOCHS = 100
LEARNING_RATE = 0.001  # of Adam, at first: it falls to 0 along a cosine
SEED = 0

# images uint8 [b, h, w, c] and their rows in the sample -> what the network sees, levels from 0 to 255, and the answers
MakeBatch = Callable[[np.ndarray, np.ndarray, np.random.Generator], tuple[np.ndarray, np.ndarray]]
# keras, the blocks (a model: levels [n, h, w, c] -> maps), the shape of one input -> a model of answers' probabilities
MakeModel = Callable[[Any, Any, tuple[int, ...]], Any]


def fit_graph(
    sample: np.ndarray, make_batch: MakeBatch, make_model: MakeModel, views: int, say: Callable[[str], None]
) -> bytes:
    """An extractor's graph for images like the sample, uint8 [n, h, w, c], whose network has seen `views` of them, with
    its training curves in it. On one thread, so that the same images give the same bytes.
    """
    images = enlarged(sample)
    blocks, curves = train(images, make_batch, make_model, views, say)
    return training_curves.with_curves(features_graph(sample.shape[1:], blocks), curves)


def train(
    images: np.ndarray, make_batch: MakeBatch, make_model: MakeModel, views: int, say: Callable[[str], None]
) -> tuple[list[Convolution], dict[str, list[float]]]:
    """The blocks' convolutions, and loss and accuracy of the task after each epoch."""
    keras, rng = keras_setup.keras(), np.random.default_rng(SEED)
    keras.utils.set_random_seed(SEED)
    size = min(BATCH, len(images))
    steps, epochs = len(images) // size, min(MAX_EPOCHS, -(-views // len(images)))
    blocks, convolutions = conv_blocks.keras_blocks(keras, images.shape[3], WIDTHS, POOLED_BLOCKS)
    first, _ = make_batch(images[:1], np.arange(1), np.random.default_rng(SEED))
    model = make_model(keras, blocks, first.shape[1:])
    rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, max(1, steps * epochs))
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    say(f"a small network learns from {len(images):,} images of {images.shape[1]} x {images.shape[2]} px")
    curves: dict[str, list[float]] = {"loss": [], "accuracy": []}
    report = training_curves.reporter(epochs, say)
    for epoch in range(epochs):
        figures = []
        for rows in rng.permutation(len(images))[: steps * size].reshape(steps, size):
            inputs, answers = make_batch(images[rows], rows, rng)
            figures.append(model.train_on_batch(standardised(inputs), answers, return_dict=True))
        for name, values in curves.items():
            values.append(float(np.mean([figure[name] for figure in figures])))
        report(epoch + 1, f"loss {curves['loss'][-1]:.3f}, accuracy {curves['accuracy'][-1]:.1%}")
    return conv_blocks.of_layers(convolutions), curves


def standardised(inputs: np.ndarray) -> np.ndarray:
    """Levels [..., h, w, c] of mean 0 and, but for NOISE_VARIANCE, variance 1."""
    levels = inputs.astype(np.float32)
    levels -= levels.mean(axis=(-3, -2, -1), keepdims=True)
    return levels / np.sqrt(np.square(levels).mean(axis=(-3, -2, -1), keepdims=True) + NOISE_VARIANCE)


def enlargement(height: int, width: int) -> int:
    """How many times a small image's sides are multiplied.

    >>> enlargement(28, 28), enlargement(3, 9)
    (1, 3)
    """
    return max(1, -(-SMALLEST_PX // min(height, width)))


def enlarged(images: np.ndarray) -> np.ndarray:
    """Images [n, h, w, c] whose pixels are repeated, where they are small."""
    times = enlargement(*images.shape[1:3])
    return images.repeat(times, axis=1).repeat(times, axis=2) if times > 1 else images


def windows(images: np.ndarray, tops: np.ndarray, lefts: np.ndarray, height: int, width: int) -> np.ndarray:
    """Parts of images [n, h, w, c], [n, ..., height, width, c], whose upper left corners are `tops`, `lefts`
    [n, ...].
    """
    rows = tops[..., None, None] + np.arange(height)[:, None]
    columns = lefts[..., None, None] + np.arange(width)
    numbers = np.arange(len(images)).reshape(-1, *[1] * (rows.ndim - 1))
    return images[numbers, rows, columns]


def classifier(keras: Any, blocks: Any, shape: tuple[int, ...], classes: int) -> Any:
    """A model on the blocks: their map's mean, and one dense layer."""
    levels = keras.Input(shape)
    means = keras.layers.GlobalAveragePooling2D()(blocks(levels))
    return keras.Model(levels, keras.layers.Dense(classes, "softmax")(means))


def grid(places: int) -> np.ndarray:
    """Weights [places, cells] of the places along a side in each cell, which is their mean.

    >>> grid(4).T.round(2).tolist()
    [[0.75, 0.25, 0.0, 0.0], [0.0, 0.5, 0.5, 0.0], [0.0, 0.0, 0.25, 0.75]]
    """
    cells = min(GRID, places)
    edges = np.arange(cells + 1) * places / cells
    ends, starts = np.arange(1, places + 1)[:, None], np.arange(places)[:, None]
    overlaps = np.maximum(0, np.minimum(ends, edges[1:]) - np.maximum(starts, edges[:-1]))
    return np.asarray(overlaps * cells / places)


def features_graph(shape: tuple[int, ...], convolutions: list[Convolution]) -> bytes:
    """An ONNX graph: images uint8 [n, *shape] -> features float32 [n, d]."""
    times = enlargement(*shape[:2])
    height, width = shape[0] * times, shape[1] * times
    steps: list[Step] = [
        ("Cast", ["images"], "levels", {"to": TensorProto.FLOAT}),
        ("Transpose", ["levels"], "planes", {"perm": [0, 3, 1, 2]}),
        ("Resize", ["planes", "", "times"], "enlarged", {"mode": "nearest", **REPEATED}),
        ("ReduceMean", ["enlarged", "axes"], "mean", {}),
        ("Sub", ["enlarged", "mean"], "centred", {}),
        ("Mul", ["centred", "centred"], "squares", {}),
        ("ReduceMean", ["squares", "axes"], "variance", {}),
        ("Add", ["variance", "noise"], "noisy", {}),
        ("Sqrt", ["noisy"], "deviation", {}),
        ("Div", ["centred", "deviation"], "map0", {}),
    ]
    constants: Constants = {
        "times": np.array([1, 1, times, times], np.float32),
        "axes": np.array([1, 2, 3]),
        "noise": np.float32(NOISE_VARIANCE),
    }
    blocks, learned, last = conv_blocks.onnx_blocks(convolutions, POOLED_BLOCKS)
    steps, constants = steps + blocks, constants | learned
    halvings = min(POOLED_BLOCKS, len(convolutions))
    height, width = (conv_blocks.halved(side, halvings) for side in (height, width))
    cells = np.einsum("ya,xb->yxab", grid(height), grid(width)).reshape(height * width, -1)
    channels = len(convolutions[-1].bias)
    constants |= {"rows": np.array([0, channels, height * width]), "cells": cells.astype(np.float32)}
    steps += [
        ("Reshape", [last, "rows"], "places", {}),
        ("MatMul", ["places", "cells"], "averages", {}),
        ("Flatten", ["averages"], "features", {"axis": 1}),
    ]
    output = "features", [channels * cells.shape[1]]
    return onnx_graphs.extractor_graph(conv_blocks.nodes(steps), shape, output, constants)


REPEATED = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}  # as `enlarged`
