"""Images with several labels each: a logistic regression for each class, one against the rest, fitted on the pairs of
image and class that are known. Absent is not unknown: a pair that is not known is in no fit and in no score.

A network's outputs are the log odds of each class. The fits of all classes and folds share each reading of the features
(`logistic_regression.fit_folds`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kindred.learning.classifiers import logistic_regression
from kindred.learning.networks import Layer, Network

SETTINGS = logistic_regression.SETTINGS
MIN_PROBABILITY = 1e-7  # a class held for impossible that is there costs 16


@dataclass(frozen=True)
class Labels:
    """Of n images and k classes: whether a class is known of an image, and whether it is present, bool [n, k]. Where a
    class is not known, `present` is not read.

    >>> labels = Labels(known=np.array([[True, False]]), present=np.array([[True, False]]))
    >>> labels.shares().tolist()
    [1.0, 0.5]
    """

    known: np.ndarray
    present: np.ndarray

    def __len__(self) -> int:
        return len(self.known)

    def of(self, rows: np.ndarray) -> "Labels":
        """Those of some images: their numbers, or a mask [n]."""
        return Labels(self.known[rows], self.present[rows])

    def shares(self) -> np.ndarray:
        """The share of the images of which a class is known that have it, [k]; half where it is known of none."""
        counts = self.known.sum(axis=0)
        return np.where(counts > 0, (self.present & self.known).sum(axis=0) / np.maximum(counts, 1), 0.5)


@dataclass(frozen=True)
class Fitted:
    """With the setting of the least log loss out of fold: the network of all images and those of each fold's others,
    and what these say of the images of their fold, probabilities [n, k].
    """

    network: Network
    by_fold: list[Network]
    out_of_fold: np.ndarray
    setting: float


def joined(one: Labels, other: Labels) -> Labels:
    """Those of both, one after the other."""
    return Labels(np.vstack([one.known, other.known]), np.vstack([one.present, other.present]))


def fit(
    features: np.ndarray, labels: Sequence[Labels], weights: np.ndarray, seed: int, setting: float
) -> list[Network]:
    """p fits on the same features [n, d], each with its own labels and weights [p, n]: 0 where it does not see an
    image. `setting` is C of `logistic_regression`.
    """
    of_pairs = [(one.known * own[:, None]).T for one, own in zip(labels, weights, strict=True)]
    targets = np.concatenate([one.present.T for one in labels]).astype(int)
    binary = logistic_regression.fit_folds(features, targets, np.concatenate(of_pairs), 2, seed, setting)
    classes = labels[0].known.shape[1]
    return [_stacked(binary[start : start + classes]) for start in range(0, len(binary), classes)]


def probabilities(network: Network, features: np.ndarray) -> np.ndarray:
    """The probability of each class [n, k], of features [n, d]."""
    return 0.5 * (1 + np.tanh(network.outputs(features) / 2))


def log_losses(values: np.ndarray, labels: Labels) -> np.ndarray:
    """The mean log loss [n] of probabilities [n, k] over the classes that are known of an image; 0 where none is."""
    kept = np.clip(values, MIN_PROBABILITY, 1 - MIN_PROBABILITY)
    losses = -np.log(np.where(labels.present, kept, 1 - kept)) * labels.known
    means: np.ndarray = losses.sum(axis=1) / np.maximum(labels.known.sum(axis=1), 1)
    return means


def cross_validated(
    features: np.ndarray,
    labels: Sequence[Labels],
    weights: np.ndarray,
    fold_of: np.ndarray,
    seed: int,
    settings: Sequence[float] = SETTINGS,
) -> Fitted:
    """The best of some settings. Labels and weights [folds + 1, n] of the fits without each fold, then of the one of
    all; `fold_of` [g]: the first g images are given, and are scored by what has not seen them.
    """
    given, best, least = len(fold_of), None, np.inf
    for setting in settings:
        *by_fold, network = fit(features, labels, weights, seed, setting)
        out_of_fold = np.empty(labels[-1].known[:given].shape)
        for fold, one in enumerate(by_fold):
            rows = np.flatnonzero(fold_of == fold)
            out_of_fold[rows] = probabilities(one, features[rows])
        loss = float(log_losses(out_of_fold, labels[-1].of(np.arange(given))).mean())
        if best is None or loss < least:
            best, least = Fitted(network, by_fold, out_of_fold, setting), loss
    assert best is not None  # there is a setting
    return best


def _stacked(binary: list[Network]) -> Network:
    """One network of the log odds of the second of two classes, of each of these."""
    layers = [network.layers[0] for network in binary]
    weights = np.column_stack([layer.weights[:, 1] - layer.weights[:, 0] for layer in layers])
    return Network((Layer(weights, np.array([layer.bias[1] - layer.bias[0] for layer in layers])),))
