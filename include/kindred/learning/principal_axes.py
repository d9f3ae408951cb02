"""The principal axes of features, and features scaled along them by half of what whitening would."""

from typing import NamedTuple

import numpy as np

BLOCK_ROWS = 1024
NO_VARIANCE = 1e-6  # of the largest variance: axes of less are left out, as rounding is most of them
RIDGE = 0.01  # of the mean variance, added to each: axes that few images tell nothing of are not blown up


class Axes(NamedTuple):
    """The mean [d], the axes as columns [d, r], largest variance first, and their variances [r], all float64."""

    mean: np.ndarray
    axes: np.ndarray
    variances: np.ndarray


def principal_axes(features: np.ndarray) -> Axes:
    """The axes along which features [n, d] vary; none (r = 0) where they are all alike."""
    mean = features.mean(axis=0, dtype=np.float64)
    rows, width = features.shape
    if rows < width:  # the same axes by the smaller matrix
        centred = features - mean
        values, vectors = np.linalg.eigh(centred @ centred.T / rows)
        kept = _kept(values)
        vectors = centred.T @ vectors[:, kept]
        return Axes(mean, vectors / np.linalg.norm(vectors, axis=0), values[kept])
    covariance = np.zeros((width, width))
    for start in range(0, rows, BLOCK_ROWS):
        block = (features[start : start + BLOCK_ROWS] - mean).astype(np.float32)
        covariance += block.T @ block
    values, vectors = np.linalg.eigh(covariance / rows)
    kept = _kept(values)
    return Axes(mean, vectors[:, kept], values[kept])


def half_whitening(axes: Axes, most: int | None = None) -> np.ndarray:
    """What multiplies centred features [n, d] for half of a whitening, [d, r]: each axis divided by the fourth root of
    its variance. Of at most the first `most` axes; a column of zeros where there is none.
    """
    if not len(axes.variances):
        return np.zeros((len(axes.mean), 1))
    ridge = RIDGE * axes.variances.sum() / len(axes.mean)
    return (axes.axes * (axes.variances + ridge) ** -0.25)[:, :most]


def _kept(values: np.ndarray) -> np.ndarray:
    """The numbers of the axes that are not left out, of ascending variances [d]."""
    order = np.arange(len(values))[::-1]
    return order[values[order] > max(NO_VARIANCE * values[-1], np.finfo(np.float32).tiny)]
