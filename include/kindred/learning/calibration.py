"""Calibrated probabilities, fitted on predictions for images that the model did not see: of one model a temperature, of
several a logarithmic pool.

Sources: C. Guo et al., On Calibration of Modern Neural Networks (ICML 2017, section 4.2); C. Genest, J. Zidek,
Combining Probability Distributions (Statistical Science 1986, section 3).
"""

import functools
from collections.abc import Sequence

import numpy as np

MIN_PROBABILITY = 1e-6  # below this a probability is rounding, and its logarithm noise
MAX_WEIGHT = 20.0
WEIGHT_SPREAD = 0.3  # how far the weights of several models lie from what is expected of them: a standard deviation


def pool_weights(probabilities: list[np.ndarray], labels: np.ndarray) -> np.ndarray:
    """The weights, one for each model's `probabilities` [n, classes], at which their pool has the smallest log loss on
    `labels` [n]; for one model it is 1 / temperature.

    Of m models a weight of 1 / sqrt(m) each is expected, between that of independent ones (1) and of equal ones
    (1 / m): a normal prior, so that few labels do not decide between them; without labels these are the weights. One
    more image whose label may be anything counts too (Laplace's rule): n right answers of n make no model certain.

    >>> right = np.array([[0.6, 0.4]] * 5)
    >>> pool_weights([right], np.zeros(5, int)).round(2)
    array([5.91])
    """
    from scipy.optimize import minimize

    expected = np.full(len(probabilities), len(probabilities) ** -0.5)
    if not len(labels):
        return expected
    precision = 0.0 if len(probabilities) == 1 else WEIGHT_SPREAD**-2
    logs = np.stack([np.log(np.maximum(p, MIN_PROBABILITY)) for p in probabilities])
    rows = np.arange(len(labels))

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        pooled = _log_softmax(np.tensordot(weights, logs, 1))
        gradient = np.exp(pooled) * (1 + 1 / len(labels))
        gradient[rows, labels] -= 1
        gradient -= 1 / pooled.size
        value = -pooled[rows, labels].sum() - pooled.mean(axis=1).mean()
        off = weights - expected
        return float(value + precision * (off**2).sum() / 2), np.tensordot(logs, gradient, 2) + precision * off

    bounds = [(0, MAX_WEIGHT)] * len(probabilities)
    return np.asarray(minimize(loss, expected, jac=True, bounds=bounds, method="L-BFGS-B").x)


def pool(probabilities: list[np.ndarray], weights: np.ndarray | Sequence[float]) -> np.ndarray:
    """The product of the models' probabilities [n, classes], each to the power of its weight, normalised to sum to 1.

    >>> pool([np.array([[0.8, 0.2]]), np.array([[0.5, 0.5]])], [1, 1]).round(6)
    array([[0.8, 0.2]])
    """
    logs = [w * np.log(np.maximum(p, MIN_PROBABILITY)) for w, p in zip(weights, probabilities, strict=True)]
    return np.exp(_log_softmax(functools.reduce(np.add, logs)))


def _log_softmax(values: np.ndarray) -> np.ndarray:
    shifted = values - values.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))
