"""Intervals of scores and of their paired differences: bias-corrected percentiles over resamples of the test images.

Every resample of n images is a row of counts, how often each image is drawn, so that scores of many resamples are a few
products of matrices. A test holds them against `metrics.scores` of the images drawn. Source: B. Efron, R. Tibshirani,
An Introduction to the Bootstrap (1993, section 14.3, without acceleration: it is the calibration error, which is larger
in resamples, that needs the correction).
"""

from collections.abc import Iterator
from itertools import chain

import numpy as np
import pandas as pd
from scipy.stats import norm

from kindred.learning import metrics

RESAMPLES = 2000
FEWEST = 200
DRAWS = 4e7  # images drawn in all: with very many test images fewer resamples do, their scores vary less
AREA_DRAWS = 5e7  # times classes: the areas under curves cost the most, so that fewer resamples have them
AREA_SHARE = 0.05  # of the resamples at least
BLOCK = 2**22  # counts held at a time


def intervals(labels: np.ndarray, base: np.ndarray, other: np.ndarray) -> pd.DataFrame:
    """95 % intervals of all of `metrics.scores` for two models, and of their difference, other minus base, on the same
    resamples. labels [n], probabilities [n, classes]; a row for each score, columns base_low, base_high, other_low,
    other_high, difference_low, difference_high.
    """
    once = [np.ones((1, len(labels)), np.float32)]  # the test images themselves: the scores, before the resamples'
    parts = [
        (scores(labels, base, counts), scores(labels, other, counts)) for counts in chain(once, resamples(len(labels)))
    ]
    rows = {}
    for name in parts[0][0]:
        one, two = (np.concatenate([part[side][name] for part in parts]) for side in (0, 1))
        ends = {key: interval(v[1:], v[0]) for key, v in {"base": one, "other": two, "difference": two - one}.items()}
        rows[name] = {f"{key}_{end}": found[i] for key, found in ends.items() for i, end in enumerate(("low", "high"))}
    return pd.DataFrame(rows).T


def interval(values: np.ndarray, estimate: float) -> tuple[float, float]:
    """The 95 % interval from the `values` [r] that resamples have (NaN: none) of what is estimated."""
    values = values[~np.isnan(values)]
    below = ((values < estimate).mean() + (values <= estimate).mean()) / 2
    bias = norm.ppf(np.clip(below, 1 / len(values), 1 - 1 / len(values)))
    low, high = np.quantile(values, norm.cdf(2 * bias + norm.ppf([0.025, 0.975])))
    return float(min(low, estimate)), float(max(high, estimate))


def resamples(n: int) -> Iterator[np.ndarray]:
    """Blocks of counts [r, n]: the same ones for the same n."""
    chance, left = np.random.default_rng(0), int(max(FEWEST, min(RESAMPLES, DRAWS / n)))
    while left:
        block = min(left, max(1, BLOCK // n))
        drawn = chance.integers(0, n, (block, n)) + n * np.arange(block)[:, None]
        yield np.bincount(drawn.ravel(), minlength=block * n).reshape(block, n).astype(np.float32)
        left -= block


def scores(labels: np.ndarray, probabilities: np.ndarray, counts: np.ndarray) -> dict[str, np.ndarray]:
    """`metrics.scores` of each resample, [r]; `counts` [r, n]. What has no value in a resample is NaN."""
    classes = probabilities.shape[1]
    predicted, everyone = probabilities.argmax(axis=1), np.arange(len(labels))
    truth, said = np.zeros((2, len(labels), classes), np.float32)
    truth[everyone, labels] = said[everyone, predicted] = 1
    support, taken, hits = (np.float64(counts @ values) for values in (truth, said, truth * said))
    n = support.sum(axis=1)
    found = _of_counts(support, taken, hits, n)
    found["log_loss"] = counts @ metrics.log_losses(labels, probabilities) / n
    bins, gaps = metrics.calibration_gaps(labels, probabilities)
    binned = np.zeros((len(labels), metrics.CALIBRATION_BINS))
    binned[everyone, bins] = gaps
    found["expected_calibration_error"] = np.abs(counts @ binned).sum(axis=1) / n
    present = np.unique(labels)
    if len(present) > 1:
        share = max(AREA_SHARE, AREA_DRAWS / (RESAMPLES * len(present) * len(labels)))
        few = max(1, round(share * len(counts)))
        areas = np.full(len(counts), np.nan)
        areas[:few] = _areas(labels, probabilities, counts[:few], present)
        found["roc_auc"] = areas
    return found


def _of_counts(support: np.ndarray, taken: np.ndarray, hits: np.ndarray, n: np.ndarray) -> dict[str, np.ndarray]:
    """The scores that follow from how many images each class has, is said of, and is rightly said of: [r, classes]."""

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
