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


def pool_weights(probabilities: list[np.ndarray], labels: np.ndarray) -> np.ndarray:
    """The weights, one for each model's `probabilities` [n, classes], at which their pool has the smallest log loss on
    `labels` [n]; for one model it is 1 / temperature. 1 each where there are no labels.

    One more image whose label may be anything counts with them (Laplace's rule): n right answers of n do not make a
    model certain.

    >>> right = np.array([[0.6, 0.4]] * 5)
    >>> pool_weights([right], np.zeros(5, int)).round(2)
    array([5.91])
    """
    from scipy.optimize import minimize

    if not len(labels):
        return np.ones(len(probabilities))
    logs = np.stack([np.log(np.maximum(p, MIN_PROBABILITY)) for p in probabilities])
    rows = np.arange(len(labels))

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        pooled = _log_softmax(np.tensordot(weights, logs, 1))
        gradient = np.exp(pooled) * (1 + 1 / len(labels))
        gradient[rows, labels] -= 1
        gradient -= 1 / pooled.size
        value = -pooled[rows, labels].sum() - pooled.mean(axis=1).mean()
        return float(value), np.tensordot(logs, gradient, 2)

    start = np.ones(len(probabilities))
    bounds = [(0, MAX_WEIGHT)] * len(probabilities)
    return np.asarray(minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B").x)


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
