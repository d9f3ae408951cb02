"""Pseudo-labels of images with several labels, by quota: of each class the surest part of those that have it and of
those that have it not, in the proportion of the given labels.

A threshold on confidence alone would take many more that have a class not, as most images are surely without most
classes: the classes would become too rare. How large the part is, is chosen by the log loss out of fold.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kindred.learning import multi_label, multi_label_training
from kindred.learning.classifiers import logistic_regression
from kindred.learning.multi_label import Labels

QUOTAS = (0.6, 0.2, 0.4, 0.8)  # shares of the pile that are tried; the classifier's setting is chosen with the first


@dataclass(frozen=True)
class Chosen:
    """The quota of the least log loss out of fold, and the pseudo-labels by it: of each fold, by the network that has
    not seen it, and last of all. The quota is 0, and nothing is accepted, where none is below the loss of base.
    """

    quota: float
    labels: list[Labels]


def pseudo_labels(values: np.ndarray, shares: np.ndarray, quota: float) -> Labels:
    """Of probabilities [n, k] and the classes' shares [k]; known is what is accepted.

    >>> pseudo = pseudo_labels(np.array([[0.9], [0.8], [0.3], [0.1]]), np.array([0.25]), 1.0)
    >>> pseudo.known.ravel().tolist(), pseudo.present.ravel().tolist()
    ([True, True, True, True], [True, False, False, False])
    >>> pseudo_labels(np.array([[0.9], [0.8], [0.3], [0.1]]), np.array([0.5]), 0.5).known.ravel().tolist()
    [True, False, False, True]
    """
    count = len(values)
    place = np.argsort(np.argsort(-values, axis=0, kind="stable"), axis=0)  # 0: the surest to have the class
    present = place < np.rint(quota * shares * count)
    absent = place >= count - np.rint(quota * (1 - shares) * count)
    return Labels(present | absent, present)


def choose(
    features: np.ndarray,
    given: Labels,
    fold_of: np.ndarray,
    pile: np.ndarray,
    values: list[np.ndarray],
    seed: int,
    say: Callable[[str], None],
) -> Chosen:
    """Of features [g, d] of the given images, their labels and folds [g], features [m, d] of the pile, and its
    probabilities [m, k] by base without each fold, then by that of all. The quotas are compared by logistic regression,
    whatever the classifier: each takes as many fits as the candidate.
    """
    folds = len(values) - 1
    rows = [np.flatnonzero(fold_of == fold) for fold in range(folds)]
    shares = [given.of(np.setdiff1d(np.arange(len(given)), own)).shares() for own in rows] + [given.shares()]
    both, weights = np.vstack([features, pile]), multi_label_training.fold_weights(fold_of, folds, len(pile))
    of_base = [given] * (folds + 1), multi_label_training.fold_weights(fold_of, folds), fold_of, seed
    settings: Sequence[float | None] = logistic_regression.SETTINGS
    without = multi_label_training.cross_validated(logistic_regression, features, *of_base, settings)
    losses = {0.0: _loss(without.out_of_fold, given)}
    for quota in QUOTAS:
        labels = [multi_label.joined(given, pseudo_labels(*of, quota)) for of in zip(values, shares, strict=True)]
        fitted = multi_label_training.cross_validated(
            logistic_regression, both, labels, weights, fold_of, seed, settings
        )
        losses[quota], settings = _loss(fitted.out_of_fold, given), [fitted.setting]
        say(f"... quota {quota:.0%}: out-of-fold log loss {losses[quota]:.4f} (without {losses[0.0]:.4f})")
    best = min(losses, key=losses.__getitem__)
    return Chosen(best, [pseudo_labels(*of, best) for of in zip(values, shares, strict=True)])


def _loss(values: np.ndarray, labels: Labels) -> float:
    return float(multi_label.log_losses(values, labels).mean())
