"""95 % intervals of scores and of their paired differences, over resamples of the test images.

Every resample of n images is a row of counts, how often each image is drawn, so that scores of many resamples are a few
products of matrices. A test holds them against `metrics.scores` of the images drawn. The intervals are bias-corrected
(`intervals.bias_corrected_interval`): it is the calibration error, which is larger in resamples, that needs it.
"""

from collections.abc import Callable, Iterator
from itertools import chain

import numpy as np
import pandas as pd

from kindred.learning import metrics
from kindred.learning.intervals import RESAMPLES, bias_corrected_interval

MIN_RESAMPLES = 200  # whatever the number of test images
MAX_DRAWS = 4e7  # images drawn in all: with very many test images fewer resamples do, their scores vary less
MAX_AREA_DRAWS = 5e7  # times classes: the areas under curves cost the most, so that fewer resamples have them
MIN_AREA_SHARE = 0.05  # of the resamples that have areas
BLOCK_COUNTS = 2**22  # counts held at a time


def intervals(labels: np.ndarray, base: np.ndarray, other: np.ndarray) -> pd.DataFrame:
    """95 % intervals of all of `metrics.scores` for two models, and of their difference, other minus base, on the same
    resamples. labels [n], probabilities [n, classes]; a row for each score, columns base_low, base_high, other_low,
    other_high, difference_low, difference_high.

    >>> labels = np.tile([0, 1], 50)
    >>> perfect, always_the_first = np.eye(2)[labels], np.tile([0.9, 0.1], (100, 1))
    >>> table = intervals(labels, always_the_first, perfect)
    >>> table.loc["accuracy", ["base_low", "base_high", "other_low", "other_high"]].round(2).tolist()
    [0.4, 0.59, 1.0, 1.0]
    """
    return paired_intervals(
        len(labels), lambda counts: scores(labels, base, counts), lambda counts: scores(labels, other, counts)
    )


def paired_intervals(
    n: int,
    base: Callable[[np.ndarray], dict[str, np.ndarray]],
    other: Callable[[np.ndarray], dict[str, np.ndarray]],
    comparisons: int = 1,
) -> pd.DataFrame:
    """The same of any scores of two models on n images: functions of counts [r, n], which give each score of each
    resample [r]. Of so many `comparisons` the intervals hold together.
    """
    parts = [(base(counts), other(counts)) for counts in _with_all(n)]
    rows = {}
    for name in parts[0][0]:
        one, two = (np.concatenate([part[side][name] for part in parts]) for side in (0, 1))
        ends = {
            key: _ends(values, comparisons)
            for key, values in (("base", one), ("other", two), ("difference", two - one))
        }
        rows[name] = {f"{key}_{end}": pair[i] for key, pair in ends.items() for i, end in enumerate(("low", "high"))}
    return pd.DataFrame(rows).T


def accuracy_difference_interval(base: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """The same interval of the difference in accuracy alone, of two models that are right (1) or wrong (0) on images
    [n].

    >>> accuracy_difference_interval(np.array([1, 0, 0, 1]), np.array([1, 0, 0, 1]))
    (0.0, 0.0)
    """
    n = len(base)
    one, two = (
        np.concatenate([(counts @ right.astype(np.float32)).astype(np.float64) / n for counts in _with_all(n)])
        for right in (base, other)
    )
    return _ends(two - one)


def resamples(n: int) -> Iterator[np.ndarray]:
    """Blocks of counts [r, n]: the same ones for the same n."""
    rng, left = np.random.default_rng(0), int(max(MIN_RESAMPLES, min(RESAMPLES, MAX_DRAWS / n)))
    while left:
        block = min(left, max(1, BLOCK_COUNTS // n))
        drawn = rng.integers(0, n, (block, n)) + n * np.arange(block)[:, None]
        yield np.bincount(drawn.ravel(), minlength=block * n).reshape(block, n).astype(np.float32)
        left -= block


def scores(labels: np.ndarray, probabilities: np.ndarray, counts: np.ndarray) -> dict[str, np.ndarray]:
    """`metrics.scores` of each resample, [r]; `counts` [r, n]. What has no value in a resample is NaN."""
    classes = probabilities.shape[1]
    predictions, rows = probabilities.argmax(axis=1), np.arange(len(labels))
    true, predicted = np.zeros((2, len(labels), classes), np.float32)
    true[rows, labels] = predicted[rows, predictions] = 1
    support, taken, hits = ((counts @ values).astype(np.float64) for values in (true, predicted, true * predicted))
    n = support.sum(axis=1)
    values = _of_counts(support, taken, hits, n)
    values["log_loss"] = counts @ metrics.log_losses(labels, probabilities) / n
    bins, gaps = metrics.calibration_gaps(labels, probabilities)
    binned = np.zeros((len(labels), metrics.CALIBRATION_BINS))
    binned[rows, bins] = gaps
    values["expected_calibration_error"] = np.abs(counts @ binned).sum(axis=1) / n
    present = np.unique(labels)
    if len(present) > 1:
        share = max(MIN_AREA_SHARE, MAX_AREA_DRAWS / (RESAMPLES * len(present) * len(labels)))
        first = max(1, round(share * len(counts)))
        areas = np.full(len(counts), np.nan)
        areas[:first] = _areas(labels, probabilities, counts[:first], present)
        values["roc_auc"] = areas
    return values


def _with_all(n: int) -> Iterator[np.ndarray]:
    """Counts of the n images themselves, each drawn once, and then those of the resamples."""
    return chain([np.ones((1, n), np.float32)], resamples(n))


def _ends(values: np.ndarray, comparisons: int = 1) -> tuple[float, float]:
    """The interval, where the first of the values [1 + r] is that of the images themselves."""
    return bias_corrected_interval(values[1:], values[0], comparisons)


def _of_counts(support: np.ndarray, taken: np.ndarray, hits: np.ndarray, n: np.ndarray) -> dict[str, np.ndarray]:
    """The scores that follow from how many images of each class there are (`support`), are predicted as it (`taken`),
    and rightly so (`hits`), all [r, classes], and in all (`n` [r]).
    """

    def over_classes(values: np.ndarray) -> np.ndarray:
        return (values * support).sum(axis=1) / n

    def share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
        return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)

    right = hits.sum(axis=1)
    recall = over_classes(share(hits, support))
    spread = np.sqrt((n**2 - (taken**2).sum(axis=1)) * (n**2 - (support**2).sum(axis=1)))
    return {
        "accuracy": right / n,
        "precision": over_classes(share(hits, taken)),
        "recall": recall,
        "f1": over_classes(share(2 * hits, taken + support)),
        "true_positive_rate": recall,
        "false_positive_rate": over_classes(share(taken - hits, n[:, None] - support)),
        "mcc": share(right * n - (taken * support).sum(axis=1), spread),
    }


def _areas(labels: np.ndarray, probabilities: np.ndarray, counts: np.ndarray, present: np.ndarray) -> np.ndarray:
    """The area under the ROC curve of each resample, one-vs-rest, a mean over classes weighted by their size: the share
    of pairs of an image of the class and another one that are in order, ties counting half.
    """
    total, weight = np.zeros(len(counts)), np.zeros(len(counts))
    for c in present:
        order = np.argsort(probabilities[:, c], kind="stable")
        values, own = probabilities[order, c], labels[order] == c
        drawn = counts[:, order].astype(np.float64)
        below = np.pad(np.cumsum(drawn[:, ~own], axis=1), ((0, 0), (1, 0)))
        first, last = (np.searchsorted(values[~own], values[own], side) for side in ("left", "right"))
        positive = drawn[:, own]
        pairs = (positive * (below[:, first] + below[:, last]) / 2).sum(axis=1)
        size, others = positive.sum(axis=1), below[:, -1]
        both = (size > 0) & (others > 0)
        total += np.divide(pairs * size, size * others, out=np.zeros_like(total), where=both)
        weight += np.where(both, size, 0)
    return np.divide(total, weight, out=np.full_like(total, np.nan), where=weight > 0)
