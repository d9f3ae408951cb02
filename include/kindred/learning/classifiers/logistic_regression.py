"""Multinomial logistic regression with an L2 penalty that cross-validation chooses.

Features are centred and divided by one number, the root of their mean variance, so that a penalty means the same for
every extractor while directions of little variance stay small. They are read block by block, in single precision and
without a copy of the whole; the fits of all folds share each reading.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import threadpool_limits

from kindred.learning import lbfgs
from kindred.learning.networks import Layer, Network
from kindred.runtime import cpu

TAKES_WEIGHTS = True
SETTINGS = (0.001, 0.005, 0.025, 0.125, 0.6, 3.0)  # C, the inverse of the penalty: accuracy is flat within a factor 5
MAX_ITERATIONS = 300
TOLERANCE = 1e-5  # of the mean loss's gradient
LARGE = 2**24  # feature values: from here on a tolerance that is reached in few iterations
TOLERANCE_LARGE = 1e-3
ABSENT_BIAS = -30.0  # of a class without a row: a probability of almost 0
ABSENT_LOGIT = -1e4  # of such a class while fitting: no probability at all
BLOCK_ROWS = 1024  # that are read at a time: they and their products fit into a processor's cache
PARTS = 16  # of the rows, whose sums are added in order: the result does not depend on the number of cores


def fit(
    features: np.ndarray, labels: np.ndarray, weights: np.ndarray, classes: int, seed: int, setting: float
) -> Network:
    """One fit, with C = `setting`."""
    return fit_folds(features, labels[None], weights[None], classes, seed, setting)[0]


def fit_folds(
    features: np.ndarray, labels: np.ndarray, weights: np.ndarray, classes: int, seed: int, setting: float
) -> list[Network]:
    """p fits on the same features [n, d], each with its own labels [p, n] and weights [p, n]: 0 where it does not see
    an image.
    """
    mean, scale = _centre(features)
    total = weights.sum(axis=1)
    seen = np.array([np.bincount(own[w > 0], minlength=classes) > 0 for own, w in zip(labels, weights, strict=True)])
    problem = _Problem(features, labels, weights.astype(np.float32), seen, mean, scale)
    # Of two classes one vector of coefficients is penalised, the difference of ours: as if it were twice as much.
    penalties = np.where(seen.sum(axis=1) == 2, 2, 1) / (setting * total)

    def evaluate(points: np.ndarray, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        shaped = points.reshape(len(points), -1, classes)
        losses, gradients = problem.losses(shaped, numbers)
        penalty, coefficients = penalties[numbers], shaped[:, :-1]
        gradients /= total[numbers, None, None]
        gradients[:, :-1] += penalty[:, None, None] * coefficients
        values = losses / total[numbers] + penalty / 2 * (coefficients**2).sum(axis=(1, 2))
        return values, gradients.reshape(points.shape)

    start = np.zeros((len(labels), (features.shape[1] + 1) * classes))
    tolerance = TOLERANCE_LARGE if features.size > LARGE else TOLERANCE
    with threadpool_limits(1, "blas"):  # each part's sums are added up in one order, whatever the number of cores
        found = lbfgs.minimise(evaluate, start, tolerance, MAX_ITERATIONS).reshape(len(labels), -1, classes)
    return [_network(one[:-1], one[-1], own).on_unscaled(mean, scale) for one, own in zip(found, seen, strict=True)]


def fit_label_sets(
    features: np.ndarray, present: np.ndarray, weights: np.ndarray, seed: int, setting: float
) -> list[Network]:
    """p fits of several labels an image, each class against the rest: the fits of all classes share each reading of the
    features [n, d]. `present`, `weights` [p, n, classes].
    """
    classes = present.shape[2]
    targets, of_pairs = (np.concatenate(one.transpose(0, 2, 1)) for one in (present.astype(np.int32), weights))
    binary = fit_folds(features, targets, of_pairs, 2, seed, setting)
    return [_one_against_rest(binary[start : start + classes]) for start in range(0, len(binary), classes)]


class _Problem:
    """The weighted log losses of several fits, and their gradients, read over the features block by block."""

    def __init__(
        self,
        features: np.ndarray,
        labels: np.ndarray,
        weights: np.ndarray,
        seen: np.ndarray,
        mean: np.ndarray,
        scale: float,
    ) -> None:
        self.features, self.labels, self.weights = features, labels, weights
        self.mean, self.factor = mean.astype(np.float32), np.float32(1 / scale)
        self.absent = np.where(seen, 0, ABSENT_LOGIT).astype(np.float32)  # added to the logits of a fit [p, classes]
        rows = max(BLOCK_ROWS, -(-len(features) // PARTS))
        self.parts = [(start, min(start + rows, len(features))) for start in range(0, len(features), rows)]

    def losses(self, points: np.ndarray, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The sums of the losses [a] and their gradients [a, d + 1, classes], of the fits with these numbers [a], at
        coefficients and intercepts [a, d + 1, classes].
        """
        with ThreadPoolExecutor(min(cpu.cores(), len(self.parts))) as threads:
            sums = list(threads.map(lambda part: self._part(points, numbers, *part), self.parts))
        return np.sum([loss for loss, _ in sums], axis=0), np.sum([gradient for _, gradient in sums], axis=0)

    def _part(self, points: np.ndarray, numbers: np.ndarray, start: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        count, inputs, classes = points.shape
        coefficients = np.hstack([*points[:, :-1]]).astype(np.float32)
        intercepts = (points[:, -1] + self.absent[numbers]).astype(np.float32)
        losses, gradient = np.zeros(count), np.zeros((inputs, count * classes))
        for first in range(start, end, BLOCK_ROWS):
            block = slice(first, min(first + BLOCK_ROWS, end))
            scaled = (self.features[block] - self.mean) * self.factor
            labels, weights = self.labels[numbers, block].T[:, :, None], self.weights[numbers, block].T
            logits = (scaled @ coefficients).reshape(-1, count, classes) + intercepts
            logits -= logits.max(axis=2, keepdims=True)
            own = np.take_along_axis(logits, labels, axis=2)[:, :, 0]
            shares = np.exp(logits, out=logits)
            sums = shares.sum(axis=2)
            losses += (weights * (np.log(sums) - own)).sum(axis=0, dtype=np.float64)
            shares *= (weights / sums)[:, :, None]
            at_label = np.take_along_axis(shares, labels, axis=2) - weights[:, :, None]
            np.put_along_axis(shares, labels, at_label, axis=2)
            shares = shares.reshape(len(scaled), -1)
            gradient[:-1] += scaled.T @ shares
            gradient[-1] += shares.sum(axis=0)
        return losses, gradient.reshape(inputs, count, classes).transpose(1, 0, 2)


def _centre(features: np.ndarray) -> tuple[np.ndarray, float]:
    """The mean [d] and the root of the mean variance, block by block."""
    mean = features.mean(axis=0, dtype=np.float64)
    blocks = range(0, len(features), BLOCK_ROWS)
    squares = sum(float(np.square(features[i : i + BLOCK_ROWS] - mean).sum()) for i in blocks)
    return mean, float(np.sqrt(squares / features.size)) or 1.0


def _one_against_rest(binary: list[Network]) -> Network:
    """One network of the log odds of the second of two classes, of each of these."""
    layers = [network.layers[0] for network in binary]
    weights = np.column_stack([layer.weights[:, 1] - layer.weights[:, 0] for layer in layers])
    bias = np.array([layer.bias[1] - layer.bias[0] for layer in layers])
    return Network((Layer(weights, bias),), thresholds=(0.5,) * len(binary))


def _network(coefficients: np.ndarray, intercepts: np.ndarray, seen: np.ndarray) -> Network:
    """The model over all classes, of coefficients [d, classes] and intercepts [classes]; `seen` [classes]: those with a
    row.
    """
    absent = ABSENT_BIAS + min(intercepts[seen].min(initial=0), 0)
    return Network((Layer(np.where(seen, coefficients, 0), np.where(seen, intercepts, absent)),))
