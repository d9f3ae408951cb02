"""95 % intervals, all that Kindred gives: of a mean, of a share, of a score over resamples of the test images.

Each kind of figure has one method, wherever it is shown. docs/design.md says why they are not one for all.
"""

import math
from statistics import NormalDist

import numpy as np

LEVEL, TAILS = 0.95, (0.025, 0.975)
RESAMPLES = 2000  # with twice as many, ends move by less than a tenth of the interval's length


def mean_interval(values: np.ndarray) -> tuple[float, float]:
    """The interval of the mean of `values` [n]: percentiles over resamples of them, the same ones every time.

    Source: B. Efron, R. Tibshirani, An Introduction to the Bootstrap (1993, chapter 13). A mean has no bias to correct.

    >>> mean_interval(np.array([0.0, 0.0, 1.0, 1.0]))
    (0.0, 1.0)
    """
    rng = np.random.default_rng(0)
    means = [values[rng.integers(0, len(values), len(values))].mean() for _ in range(RESAMPLES)]
    return percentile_interval(np.array(means))


def share_interval(successes: float, trials: float) -> tuple[float, float]:
    """The interval of a share of independent trials: Wilson's, which is not empty where all or none succeed. Both need
    not be whole numbers: trials that depend on each other count as fewer.

    Source: L. Brown et al., Interval Estimation for a Binomial Proportion (Statistical Science 2001). Of no trials it
    is the whole range.

    >>> low, high = share_interval(20, 20)
    >>> round(low, 3), high
    (0.839, 1.0)
    """
    if not trials:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(1 - (1 - LEVEL) / 2)
    share = successes / trials
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(share * (1 - share) / trials + (z / (2 * trials)) ** 2)
    return max(0.0, centre - half), min(1.0, centre + half)


def percentile_interval(values: np.ndarray) -> tuple[float, float]:
    """The interval of what resamples estimate, from their estimates [r].

    >>> percentile_interval(np.arange(201.0))
    (5.0, 195.0)
    """
    low, high = np.quantile(values, TAILS)
    return float(low), float(high)


def bias_corrected_interval(values: np.ndarray, estimate: float, comparisons: int = 1) -> tuple[float, float]:
    """The interval of an `estimate` from those that resamples have, `values` [r] (NaN: none). Its percentiles are moved
    by how many of the resamples lie below the estimate; where half of them do, they are those of `percentile_interval`.
    Of several `comparisons` it is so wide that all intervals hold together (Bonferroni).

    Source: B. Efron, R. Tibshirani, An Introduction to the Bootstrap (1993, section 14.3, without acceleration).

    >>> low, high = bias_corrected_interval(np.arange(201.0), 100.0)
    >>> round(low, 6), round(high, 6)
    (5.0, 195.0)
    """
    from scipy.stats import norm

    tails = TAILS[0] / comparisons, 1 - TAILS[0] / comparisons
    values = values[~np.isnan(values)]
    below = ((values < estimate).mean() + (values <= estimate).mean()) / 2
    bias = norm.ppf(np.clip(below, 1 / len(values), 1 - 1 / len(values)))
    low, high = np.quantile(values, norm.cdf(2 * bias + norm.ppf(tails)))
    return float(min(low, estimate)), float(max(high, estimate))
