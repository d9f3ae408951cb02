"""A small network that learns vectors from features and classes: what the embedders that learn from labels have in
common. An embedder is its loss.

The network is dense, half-whitened features -> 2 x as many -> VECTOR_SIZE. It starts as the half-whitened features
themselves (the hidden layer has each axis with both signs), so that little learning loses little.

Source of the start: D. Balduzzi et al., The Shattered Gradients Problem (ICML 2017, section 4).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from kindred.learning import embeddings, principal_axes
from kindred.learning.cluster_heads import Adam
from kindred.learning.networks import Layer, Network
from kindred.runtime.errors import InputError

AXES = 128  # at most, of the features, that are learned from
VECTOR_SIZE = 128  # at most
BATCH, PER_CLASS = 128, 8  # images of a batch, about; of each of its classes, more where there are few classes
RATE = 3e-3  # Adam's
DROPOUT = 0.3  # the share of the input that a step does not see
WEIGHT_DECAY = 1e-4  # of a step
EPOCHS, PATIENCE = 30, 6  # at most; without a better score of what is held out
EPOCHS_UNSEEN = 15  # where nothing can be held out
MIN_STEPS, MAX_STEPS = 10, 100  # of an epoch
HELD_OUT = 5  # one image of each class in so many, but two of a class; of classes of four images or more
MAX_HELD_OUT = 1000  # images

Loss = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[float, np.ndarray, np.ndarray]]


class Method(NamedTuple):
    """How to learn. `loss(vectors [b, k], classes [b], heads [k, c])` gives the mean loss and its gradients by the
    vectors and by the heads: one vector for each class (c = 0 where it does without), learned too, then dropped. The
    vectors are of length 1 where `unit`.
    """

    loss: Loss
    has_heads: bool = False
    unit: bool = True


def fit(
    method: Method,
    features: np.ndarray,
    classes: np.ndarray | None,
    seed: int,
    say: Callable[[str], None],
    views: np.ndarray | None = None,
) -> Network:
    """The network of features [n, d] and classes [n]. Early stopping finds the number of epochs, by the mean average
    precision among images that are held out; then all images are learned from for so many. The losses are those of the
    first part. `views` [n, d] are the features of another view of each image: a step sees one of the two, at random, so
    that no image is compared with itself, and what is held out is scored by the images as they are. Raises InputError
    where no two classes have two images.
    """
    rows, numbers = with_pairs(classes, say)
    with threadpool_limits(1):  # sums are added up in one order
        axes = principal_axes.principal_axes(features)
        projection = principal_axes.half_whitening(axes, AXES)
        values = (features[rows] - axes.mean) @ projection
        scale = float(np.sqrt(np.square(values).mean())) or 1.0
        values = (values / scale).astype(np.float32)
        others = None if views is None else ((views[rows] - axes.mean) @ projection / scale).astype(np.float32)
        unseen = held_out(numbers, seed)
        training = Training(method, values, numbers, seed, others)
        epochs, losses = _epochs(training, unseen) if unseen.any() else (EPOCHS_UNSEEN, {})
        all_losses = [training.epoch() for _ in range(epochs)]
    say(f"learned from {len(rows):,} images of {numbers.max() + 1} classes in {epochs} epochs")
    network = training.network()
    first = Layer(projection @ network.layers[0].weights / scale, network.layers[0].bias, "relu")
    return Network((first, network.layers[1]), losses or {"loss": all_losses}).on_unscaled(axes.mean, 1.0)


@dataclass
class Training:
    """A network in training on values [n, p] and classes 0 to c - 1 [n], perhaps with other views of the images."""

    method: Method
    values: np.ndarray
    classes: np.ndarray
    seed: int
    views: np.ndarray | None = None

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng(self.seed)
        width, count = self.values.shape[1], int(self.classes.max()) + 1
        turned, _ = np.linalg.qr(self._rng.normal(size=(width, width)))
        size = min(VECTOR_SIZE, width)
        heads = self._rng.normal(size=(size, count if self.method.has_heads else 0)) / np.sqrt(size)
        both = np.hstack([turned, -turned]), np.vstack([turned.T, -turned.T])[:, :size]
        start = [both[0], np.zeros(2 * width), both[1], np.zeros(size), heads]
        self._parameters = [array.astype(np.float32) for array in start]
        self._adams = [Adam(array.shape, RATE) for array in self._parameters]
        self._members = [np.flatnonzero(self.classes == number) for number in range(count)]

    def of(self, wanted: np.ndarray) -> Training:
        """The same, not begun, of some images [n]."""
        classes = np.unique(self.classes[wanted], return_inverse=True)[1]
        views = None if self.views is None else self.views[wanted]
        return Training(self.method, self.values[wanted], classes, self.seed, views)

    def epoch(self) -> float:
        """Train as many batches as the images fill, within bounds. Returns their mean loss."""
        steps = min(max(MIN_STEPS, len(self.values) // BATCH), MAX_STEPS)
        return float(np.mean([self._step(class_batch(self._members, BATCH, self._rng)) for _ in range(steps)]))

    def network(self) -> Network:
        """What has been learned so far, without the heads."""
        first, first_bias, second, second_bias, _ = (array.astype(np.float64) for array in self._parameters)
        return Network((Layer(first, first_bias, "relu"), Layer(second, second_bias)))

    def _seen(self, rows: np.ndarray) -> np.ndarray:
        """The values of images [b, p]: of each as it is, or of its other view."""
        if self.views is None:
            return self.values[rows]
        as_it_is = self._rng.random((len(rows), 1)) < 1 / 2
        return np.where(as_it_is, self.values[rows], self.views[rows])

    def _step(self, rows: np.ndarray) -> float:
        first, first_bias, second, second_bias, heads = self._parameters
        values = self._seen(rows) * (self._rng.random((len(rows), first.shape[0])) >= DROPOUT) / np.float32(1 - DROPOUT)
        hidden = np.maximum(values.astype(np.float32) @ first + first_bias, 0)
        outputs = hidden @ second + second_bias
        loss, by_output, by_heads = self._loss(outputs, self.classes[rows], heads)
        by_hidden = (by_output @ second.T) * (hidden > 0)
        gradients = [values.T @ by_hidden, by_hidden.sum(axis=0), hidden.T @ by_output, by_output.sum(axis=0), by_heads]
        for array, adam, gradient in zip(self._parameters, self._adams, gradients, strict=True):
            array -= adam.step(gradient.astype(np.float32)) + RATE * WEIGHT_DECAY * array
        return loss

    def _loss(
        self, outputs: np.ndarray, classes: np.ndarray, heads: np.ndarray
    ) -> tuple[float, np.ndarray, np.ndarray]:
        if not self.method.unit:
            return self.method.loss(outputs, classes, heads)
        lengths = np.maximum(np.linalg.norm(outputs, axis=1, keepdims=True), 1e-12)
        vectors = outputs / lengths
        loss, by_vector, by_heads = self.method.loss(vectors, classes, heads)
        along = (by_vector * vectors).sum(axis=1, keepdims=True)
        return loss, (by_vector - along * vectors) / lengths, by_heads


def class_batch(members: Sequence[np.ndarray], size: int, rng: np.random.Generator) -> np.ndarray:
    """About `size` rows of random classes, as many of each where it has them; `members` are the rows of each class."""
    each = max(PER_CLASS, size // len(members))
    order = rng.permutation(len(members))
    sizes = np.minimum([len(members[number]) for number in order], each)
    chosen = order[: int(np.searchsorted(sizes.cumsum(), size)) + 1]
    picked = [rng.choice(members[number], min(each, len(members[number])), replace=False) for number in chosen]
    return np.concatenate(picked)


def with_pairs(classes: np.ndarray | None, say: Callable[[str], None]) -> tuple[np.ndarray, np.ndarray]:
    """The rows whose class [n] has two images or more, and their classes as numbers from 0. Raises InputError unless
    two classes have, or without classes.
    """
    if classes is None:
        raise InputError("this embedder learns from labels, and there are none; half_whitened does without")
    _, numbers, counts = np.unique(classes, return_inverse=True, return_counts=True)
    rows = np.flatnonzero(counts[numbers] > 1)
    if (counts > 1).sum() < 2:
        raise InputError(
            f"{(counts > 1).sum()} of {len(counts)} classes has two labelled images or more; an embedder that learns "
            "from labels needs two such classes, half_whitened needs none"
        )
    if len(rows) < len(classes):
        say(f"{len(classes) - len(rows):,} images are the only one of their class: not learned from")
    return rows, np.unique(numbers[rows], return_inverse=True)[1]


def mean_average_precision(vectors: np.ndarray, classes: np.ndarray) -> float:
    """Each image as a query for the others, by the cosine of unit vectors [n, k]; relevant are those of its class [n].
    The mean over images that have a relevant one.

    >>> mean_average_precision(np.eye(2)[[0, 0, 1, 1]], np.array([0, 0, 1, 1]))
    1.0
    """
    similarities = vectors @ vectors.T
    np.fill_diagonal(similarities, -np.inf)
    order = np.argsort(-similarities, axis=1, kind="stable")[:, :-1]
    relevant = classes[order] == classes[:, None]
    precision = relevant.cumsum(axis=1) / np.arange(1, len(classes))
    counts = relevant.sum(axis=1)
    average = (precision * relevant).sum(axis=1) / np.maximum(counts, 1)
    return float(average[counts > 0].mean())


def _epochs(training: Training, unseen: np.ndarray) -> tuple[int, dict[str, list[float]]]:
    """After how many epochs of a training that has not begun the images that are held out [n] match best, and the
    losses up to the stop.
    """
    part = training.of(~unseen)
    losses: dict[str, list[float]] = {"loss": [], "held_out_error": []}
    errors = losses["held_out_error"]
    while len(errors) < EPOCHS and len(errors) - int(np.argmin(errors or [0])) <= PATIENCE:
        losses["loss"].append(part.epoch())
        vectors = embeddings.embed(part.network(), training.values[unseen])
        errors.append(1 - mean_average_precision(vectors, training.classes[unseen]))
    return int(np.argmin(errors)) + 1, losses


def held_out(classes: np.ndarray, seed: int) -> np.ndarray:
    """Whether each image [n] of classes 0 to c - 1 is held out."""
    rng, chosen = np.random.default_rng(seed), np.zeros(len(classes), bool)
    for number in rng.permutation(int(classes.max()) + 1):
        members = rng.permutation(np.flatnonzero(classes == number))
        if len(members) >= 4 and chosen.sum() < MAX_HELD_OUT:
            chosen[members[: max(2, len(members) // HELD_OUT)]] = True
    return chosen
