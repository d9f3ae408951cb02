"""A small convolutional network that learns vectors from pixels: what the embedders that see images have in common. An
embedder is what it puts on top of the vectors, and its loss.

What is held out says when the learning rate falls and when training stops; the best epoch is kept. Training is bounded:
no more than MAX_EPOCHS, and no more than VIEWS images of 48 x 48 px, or fewer larger ones, are seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from kindred.features import conv_blocks, keras_setup, training_curves
from kindred.learning import metric_training, pixel_encoder
from kindred.learning.pixel_encoder import MIDDLE, WIDTHS, PixelEncoder
from kindred.learning.plateaus import Plateaus

VECTOR_SIZE = 128
USUAL_PX = 48  # the side that the bounds are for: of images twice as large they are a quarter
MAX_IMAGES = 10_000  # to learn from: a bound on memory, 0.3 GB
VIEWS = 30_000  # images that are seen
MAX_EPOCHS = 30
BATCH = 64  # images, about
RATE = 1e-3  # Adam's, at first
FACTOR, PATIENCE, STOP_PATIENCE = 0.3, 3, 8  # of the rate on a plateau; epochs until then, and until the stop
HELD_OUT = 10  # without classes, one image in so many


class Parts(NamedTuple):
    """The network as tensors of Keras: pixels [n, h, w, c], the last map's values [n, m], vectors [n, k]."""

    pixels: Any
    flat: Any
    vectors: Any


class Method(NamedTuple):
    """How to learn. `top(keras, parts, classes)` gives the tensor that answers, and the loss by the true answer and
    it: a class, or where there are none, the pixels. `noise`: standard deviation of what is added to the pixels in
    training. `pairs`: whether batches are made of several images of each class.
    """

    top: Callable[[Any, Parts, int], tuple[Any, Any]]
    noise: float = 0.0
    pairs: bool = False


@dataclass(frozen=True)
class Examples:
    """Images [n, h, w, c] and the true answers to them, and whether each [n] is held out. In `pairs`, the answers are
    classes, and each batch has several images of a class.
    """

    pixels: np.ndarray
    answers: np.ndarray
    held_out: np.ndarray
    pairs: bool

    def batches(self, held_out: bool, rng: np.random.Generator) -> list[np.ndarray]:
        """The rows of each batch of an epoch, of what is held out or of the rest."""
        rows = np.flatnonzero(self.held_out == held_out)
        count = max(1, round(len(rows) / BATCH))
        if not self.pairs or not len(rows):
            return np.array_split(rng.permutation(rows), count) if len(rows) else []
        members = [rows[self.answers[rows] == number] for number in np.unique(self.answers[rows])]
        return [metric_training.class_batch(members, BATCH, rng) for _ in range(count)]

    def mean(self, loss_of: Callable[[np.ndarray, np.ndarray], Any], batches: Sequence[np.ndarray]) -> float:
        """The mean loss of batches."""
        return float(np.mean([loss_of(self.pixels[rows], self.answers[rows]) for rows in batches]))

    def most_epochs(self) -> int:
        """How many epochs the bounds allow."""
        return min(MAX_EPOCHS, max(1, _scaled(VIEWS, self.pixels.shape[1:]) // int((~self.held_out).sum())))


def fit_classes(
    method: Method, pixels: np.ndarray, classes: np.ndarray | None, seed: int, say: Callable[[str], None]
) -> PixelEncoder:
    """Learn from images [n, h, w, c], from 0 to 1, and their classes [n]. Raises InputError where no two classes have
    two images.
    """
    rows, numbers = metric_training.with_pairs(classes, say)
    held_out = metric_training.held_out(numbers, seed)
    if len(np.unique(numbers[held_out])) == 1:  # a single class has no loss of pairs
        held_out[:] = False
    return _fit(method, pixels[rows], numbers, held_out, seed, say)


def fit_images(method: Method, pixels: np.ndarray, seed: int, say: Callable[[str], None]) -> PixelEncoder:
    """Learn from images [n, h, w, c], from 0 to 1, alone."""
    held_out = np.random.default_rng(seed).permutation(len(pixels)) < len(pixels) // HELD_OUT
    return _fit(method, pixels, None, held_out, seed, say)


def most_images(shape: tuple[int, ...]) -> int:
    """How many images of a shape (h, w, c) are learned from, at most.

    >>> most_images((48, 48, 3)), most_images((96, 96, 3))
    (10000, 2500)
    """
    return _scaled(MAX_IMAGES, shape)


def _fit(
    method: Method,
    pixels: np.ndarray,
    classes: np.ndarray | None,
    held_out: np.ndarray,
    seed: int,
    say: Callable[[str], None],
) -> PixelEncoder:
    keras = keras_setup.keras()
    keras.utils.set_random_seed(seed)
    parts, convolutions, dense = _network(keras, pixels.shape[1:], method.noise)
    outputs, loss = method.top(keras, parts, 0 if classes is None else int(classes.max()) + 1)
    model = keras.Model(parts.pixels, outputs)
    model.compile(keras.optimizers.Adam(RATE), loss)
    say(f"a convolutional network learns from {len(pixels):,} images of {pixels.shape[1]} x {pixels.shape[2]} px")
    examples = Examples(pixels, pixels if classes is None else classes, held_out, method.pairs)
    losses = _train(model, examples, np.random.default_rng(seed), say)
    graph = pixel_encoder.graph(pixels.shape[1:], conv_blocks.of_layers(convolutions), *dense.get_weights())
    return PixelEncoder(graph, losses)


def _train(
    model: Any, examples: Examples, rng: np.random.Generator, say: Callable[[str], None]
) -> dict[str, list[float]]:
    """The losses by epoch; the model is then that of the best epoch. Where nothing is held out, the loss of what is
    learned from stands in for it.
    """
    fixed, plateaus = examples.batches(True, rng), Plateaus(RATE, FACTOR, PATIENCE, STOP_PATIENCE)
    epochs = examples.most_epochs()
    report = training_curves.reporter(epochs, say, at_most=True)
    losses: dict[str, list[float]] = {name: [] for name in ("loss", *(["held_out_loss"] if fixed else []))}
    rates: list[float] = []
    while len(rates) < epochs and not plateaus.stops:
        rates.append(plateaus.rate)
        model.optimizer.learning_rate = plateaus.rate
        losses["loss"].append(examples.mean(model.train_on_batch, examples.batches(False, rng)))
        if fixed:
            losses["held_out_loss"].append(examples.mean(model.test_on_batch, fixed))
        *_, last = losses.values()
        if plateaus.after(last[-1]):
            best, weights = len(rates), model.get_weights()
        report(len(rates), ", ".join(f"{name.replace('_', ' ')} {values[-1]:.4f}" for name, values in losses.items()))
    model.set_weights(weights)
    say(f"stopped after {len(rates)} epochs, number {best} is the best; learning rate at the end {rates[-1]:.2g}")
    return {**losses, "learning_rate": rates}


def _network(keras: Any, shape: tuple[int, ...], noise: float) -> tuple[Parts, Sequence[Any], Any]:
    """The network's tensors, and its convolutional and dense layers."""
    layers, pixels = keras.layers, keras.Input(shape)
    blocks, convolutions = conv_blocks.keras_blocks(keras, shape[2], WIDTHS, len(WIDTHS))
    levels = layers.Rescaling(1.0, -MIDDLE)(pixels)
    flat = layers.Flatten()(blocks(layers.GaussianNoise(noise)(levels) if noise else levels))
    dense = layers.Dense(VECTOR_SIZE)
    return Parts(pixels, flat, dense(flat)), convolutions, dense


def decoder(keras: Any, parts: Parts) -> Any:
    """Images [n, h, w, c] of vectors: the encoder backwards, the map made twice as large in place of halved."""
    layers, (height, width, channels) = keras.layers, parts.pixels.shape[1:]
    smallest = [conv_blocks.halved(side, len(WIDTHS)) for side in (height, width)]
    values = layers.Dense(smallest[0] * smallest[1] * WIDTHS[-1], "relu")(parts.vectors)
    values = layers.Reshape((*smallest, WIDTHS[-1]))(values)
    for count in (*WIDTHS[-2::-1], channels):
        values = layers.UpSampling2D()(values)
        values = layers.Conv2D(count, 3, padding="same", activation="relu" if count != channels else None)(values)
    surplus = [(0, smallest[i] * 2 ** len(WIDTHS) - side) for i, side in enumerate((height, width))]
    return layers.Rescaling(1.0, MIDDLE)(layers.Cropping2D(surplus)(values))


def _scaled(count: int, shape: tuple[int, ...]) -> int:
    """A bound on images of 48 x 48 px, for images of a shape (h, w, c)."""
    return max(1, count * USUAL_PX**2 // (shape[0] * shape[1]))
