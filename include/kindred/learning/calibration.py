"""Probabilities that mean what they say, fitted on predictions for images that the model did not see: of one opinion a
temperature, of several a logarithmic pool.

Sources: C. Guo et al., On Calibration of Modern Neural Networks (ICML 2017, section 4.2); C. Genest, J. Zidek,
Combining Probability Distributions (Statistical Science 1986, section 3).
"""

import numpy as np

SMALLEST = 1e-6  # below this a probability is rounding, and its logarithm noise
LARGEST_WEIGHT = 20.0


def weights(opinions: list[np.ndarray], labels: np.ndarray) -> np.ndarray:
    """The weights, one of each of the `opinions` [n, classes], at which their pool has the smallest log loss on
    `labels` [n]; of one opinion it is 1 / temperature. 1 each where there are no labels.

    One more image whose label may be anything counts with them (Laplace's rule): n right answers of n do not make a
    model certain.
    """
    from scipy.optimize import minimize

    if not len(labels):
        return np.ones(len(opinions))
    logs = np.stack([np.log(np.maximum(opinion, SMALLEST)) for opinion in opinions])
    rows = np.arange(len(labels))

    def loss(at: np.ndarray) -> tuple[float, np.ndarray]:
        pooled = _log_softmax(np.tensordot(at, logs, 1))
        missed = np.exp(pooled) * (1 + 1 / len(labels))
        missed[rows, labels] -= 1
        missed -= 1 / pooled.size
        value = -pooled[rows, labels].sum() - pooled.mean(axis=1).mean()
        return float(value), np.tensordot(logs, missed, 2)

    start = np.ones(len(opinions))
    return minimize(loss, start, jac=True, bounds=[(0, LARGEST_WEIGHT)] * len(opinions), method="L-BFGS-B").x


def pool(opinions: list[np.ndarray], at: np.ndarray) -> np.ndarray:
    """The product of the opinions [n, classes], each to the power of its weight, summing to 1 again."""
    logs = sum(weight * np.log(np.maximum(opinion, SMALLEST)) for weight, opinion in zip(at, opinions, strict=True))
    return np.exp(_log_softmax(logs))


def _log_softmax(values: np.ndarray) -> np.ndarray:
    shifted = values - values.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
