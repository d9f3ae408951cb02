"""Pseudo-labels of images with several labels, by quota: of each class the surest part of those that have it and of
those that have it not, in the proportion of the given labels.

A threshold on confidence alone would take many more that have a class not, as most images are surely without most
classes: the classes would become too rare. How large the part is, is chosen by the log loss out of fold.
"""

from dataclasses import dataclass

import numpy as np

from kindred.learning import multi_label
from kindred.learning.multi_label import Fitted, Labels

QUOTAS = (0.6, 0.2, 0.4, 0.8)  # shares of the pile that are tried; the classifier's setting is chosen with the first


@dataclass(frozen=True)
class Final:
    """What is fitted on given labels and pseudo-labels of the quota with the least log loss out of fold; base with the
    quota 0 where none is below its loss.
    """

    fitted: Fitted
    quota: float


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


def train(features: np.ndarray, given: Labels, fold_of: np.ndarray, pile: np.ndarray, base: Fitted, seed: int) -> Final:
    """Of features [g, d] of the given images, their labels and folds [g], features [m, d] of the pile, and the base of
    the given labels. Each fold's pseudo-labels are of the base that has not seen the fold.
    """
    folds = len(base.by_fold)
    weights = np.ones((folds + 1, len(features) + len(pile)))
    weights[:folds, : len(features)] = [fold_of != fold for fold in range(folds)]
    seen = [given.of(fold_of != fold).shares() for fold in range(folds)] + [given.shares()]
    values = [multi_label.probabilities(network, pile) for network in [*base.by_fold, base.network]]
    both, tried = np.vstack([features, pile]), [Final(base, 0.0)]
    for quota in QUOTAS:
        pseudo = [pseudo_labels(*of, quota) for of in zip(values, seen, strict=True)]
        labels = [multi_label.joined(given, one) for one in pseudo]
        settings = [tried[1].fitted.setting] if len(tried) > 1 else multi_label.SETTINGS
        tried.append(Final(multi_label.cross_validated(both, labels, weights, fold_of, seed, settings), quota))
    losses = [multi_label.log_losses(one.fitted.out_of_fold, given).mean() for one in tried]
    return tried[int(np.argmin(losses))]
