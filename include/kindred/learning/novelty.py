"""Out-of-distribution detection: which images are far from every known label, and so probably of an unknown class."""

import numpy as np

from kindred.features import neighbours
from kindred.learning.pseudo_label_types import GivenLabels, View

FALSE_ALARM_RATE = 0.03  # share of the known images above the threshold; the param novelty = false excludes none
MIN_EXCESS = 2  # so many times as many must be above it, else most of those excluded would be of known classes
MIN_MASS = 1e-12  # of what is spread: images that nothing reaches have a finite score


def novelty_scores(views: dict[int, View], given: GivenLabels) -> dict[int, np.ndarray]:
    """The out-of-distribution score of each image, [n] by view: minus the logarithm of the largest label mass of one
    class that is spread to it, as if each view knew all given labels.
    """
    scores = {}
    for fold, view in views.items():
        largest = view.spread_labels(neighbours.LOCAL_ALPHA).max(axis=1)
        scores[fold] = -np.log(np.maximum(largest * len(given.rows) / len(view.known), MIN_MASS))
    return scores


def out_of_distribution(scores: np.ndarray, held_out: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Which images [n] are out of distribution: those above the threshold that the scores of `held_out` given images
    set, if they are so many that most of them must be (an expected false discovery rate of at most 1 / MIN_EXCESS).
    `known`: the rows that do not count.

    Source: S. Bates et al., Testing for Outliers with Conformal p-values (Annals of Statistics 2023).
    """
    if not len(held_out):
        return np.zeros(len(scores), dtype=bool)  # nothing says how far away known classes are
    above = scores > np.quantile(held_out, 1 - FALSE_ALARM_RATE)
    share = np.delete(above, known).mean()
    return above if share >= MIN_EXCESS * FALSE_ALARM_RATE else np.zeros_like(above)
