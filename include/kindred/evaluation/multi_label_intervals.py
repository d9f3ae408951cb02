"""95 % intervals of the scores of images with several labels, over resamples of the test images.

As in `score_intervals`, a resample is a row of counts: an image is drawn with all that is known of it. A test holds the
scores of counts against `multi_label_scoring.scores` of the images drawn.
"""

import functools

import numpy as np
import pandas as pd

from kindred.evaluation import score_intervals
from kindred.evaluation.multi_label_scoring import binned_gaps
from kindred.evaluation.score_intervals import MAX_AREA_DRAWS, MIN_AREA_SHARE
from kindred.learning import multi_label
from kindred.learning.intervals import RESAMPLES
from kindred.learning.multi_label import Labels

CALIBRATION = "expected_calibration_error"


def intervals(
    labels: Labels,
    base: np.ndarray,
    base_limits: np.ndarray,
    other: np.ndarray,
    other_limits: np.ndarray,
    comparisons: int = 1,
) -> pd.DataFrame:
    """95 % intervals of all of `multi_label_scoring.scores` for two models, with probabilities [n, k] and thresholds
    [k] each, and of their difference, other minus base; columns as `score_intervals.intervals`. Of so many
    `comparisons` they hold together.
    """
    of_base, of_other = (
        functools.partial(_centred_scores, values, limits, labels, _bias(values, labels))
        for values, limits in ((base, base_limits), (other, other_limits))
    )
    return score_intervals.paired_intervals(len(labels), of_base, of_other, comparisons)


def scores(values: np.ndarray, limits: np.ndarray, labels: Labels, counts: np.ndarray) -> dict[str, np.ndarray]:
    """`multi_label_scoring.scores` of each resample, [r]; `counts` [r, n]. What has no value in a resample is NaN."""
    present, chosen = labels.present & labels.known, (values >= limits) & labels.known
    right, said, there, wrong, known = (
        (counts @ part.astype(np.float32)).astype(np.float64)
        for part in (chosen & present, chosen, present, chosen != present, labels.known)
    )
    found = {
        "micro_f1": 2 * right.sum(axis=1) / np.maximum(1, (said + there).sum(axis=1)),
        "hamming_loss": wrong.sum(axis=1) / np.maximum(1, known.sum(axis=1)),
        "log_loss": counts @ multi_label.log_losses(values, labels) / counts.sum(axis=1),
        CALIBRATION: _calibration_errors(values, labels, counts, known),
    }
    if present.any():
        f1 = 2 * right / np.maximum(1, said + there)
        found["macro_f1"] = _mean_of_rows(np.where(there > 0, f1, np.nan))
        found["mean_average_precision"] = _mean_average_precisions(values, labels, counts)
    whole = labels.known.all(axis=1) & present.any(axis=1)
    if whole.any():
        drawn = counts[:, whole]
        of_image = _of_whole(values[whole], chosen[whole], present[whole])
        found |= {name: _shares(drawn @ each, drawn.sum(axis=1)) for name, each in of_image.items()}
    return found


def _centred_scores(
    values: np.ndarray, limits: np.ndarray, labels: Labels, bias: float, counts: np.ndarray
) -> dict[str, np.ndarray]:
    """`scores`, with the calibration error of resamples less its `bias`: as a mean over classes it is larger in nearly
    all of them than in the images themselves, which moving percentiles cannot correct.
    """
    found = scores(values, limits, labels, counts)
    resampled = (counts != 1).any(axis=1)
    return found | {CALIBRATION: found[CALIBRATION] - bias * resampled}


def _bias(values: np.ndarray, labels: Labels) -> float:
    """By how much the calibration error of resamples is larger on average, by the first of them."""
    errors = []
    for counts in (np.ones((1, len(labels)), np.float32), next(score_intervals.resamples(len(labels)))):
        known = (counts @ labels.known.astype(np.float32)).astype(np.float64)
        errors.append(float(np.nanmean(_calibration_errors(values, labels, counts, known))))
    return errors[1] - errors[0]


def _of_whole(values: np.ndarray, chosen: np.ndarray, present: np.ndarray) -> dict[str, np.ndarray]:
    """What the means over images are of, [n] each: of images of which all classes are known, some of them present."""
    from scipy.stats import rankdata

    among_all = rankdata(-values, "max", axis=1)
    among_present = rankdata(np.where(present, -values, np.inf), "max", axis=1)
    precisions = np.where(present, among_present / among_all, 0).sum(axis=1) / present.sum(axis=1)
    return {
        "subset_accuracy": (chosen == present).all(axis=1).astype(float),
        "ranking_average_precision": precisions,
        "one_error": 1.0 - present[np.arange(len(values)), values.argmax(axis=1)],
    }


def _mean_average_precisions(values: np.ndarray, labels: Labels, counts: np.ndarray) -> np.ndarray:
    """The mean over the classes that a resample has, [r]; of many images fewer resamples have it, as with areas."""
    pairs = labels.known.sum()
    share = max(MIN_AREA_SHARE, MAX_AREA_DRAWS / (RESAMPLES * max(1, pairs)))
    first = max(1, round(share * len(counts)))
    means = np.full(len(counts), np.nan)
    by_class = [
        average_precisions(labels.present[known, c], values[known, c], counts[:first, known])
        for c, known in enumerate(labels.known.T)
        if labels.present[known, c].any() and not labels.present[known, c].all()
    ]
    if by_class:
        means[:first] = _mean_of_rows(np.column_stack(by_class))
    return means


def average_precisions(present: np.ndarray, values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The average precision of each resample [r], as scikit-learn's with counts [r, m] as weights, of images [m] that
    have a class or not and their probabilities [m]; NaN where a resample has no image of the class, or no other.

    >>> average_precisions(np.array([True, False, True]), np.array([0.9, 0.8, 0.7]), np.array([[1, 1, 1], [1, 1, 0]]))
    array([0.83333333, 1.        ])
    """
    order = np.argsort(-values, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(values[order]) != 0, True))  # images of one probability count at once
    drawn = counts[:, order].astype(np.float64)
    taken = np.cumsum(drawn, axis=1)[:, ends]
    hits = np.cumsum(drawn * present[order], axis=1)[:, ends]
    precision = np.divide(hits, taken, out=np.zeros_like(hits), where=taken > 0)
    found = _shares((np.diff(hits, axis=1, prepend=0) * precision).sum(axis=1), hits[:, -1])
    return np.where(hits[:, -1] < taken[:, -1], found, np.nan)


def _calibration_errors(values: np.ndarray, labels: Labels, counts: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The mean calibration error [r] over the classes that are known in a resample; of how many of its images, `known`
    [r, k].
    """
    errors = np.empty(known.shape)
    for number in range(len(known[0])):
        sums = counts @ binned_gaps(values, labels, number).astype(np.float32)
        errors[:, number] = _shares(np.abs(sums).sum(axis=1), known[:, number])
    return _mean_of_rows(errors)


def _mean_of_rows(values: np.ndarray) -> np.ndarray:
    """The means [r] of the numbers in rows [r, k]; NaN where a row has none."""
    counted = ~np.isnan(values)
    return _shares(np.where(counted, values, 0).sum(axis=1), counted.sum(axis=1))


def _shares(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole [r]; NaN where there is no whole."""
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
