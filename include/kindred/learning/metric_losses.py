"""What the losses of embedders share. Each loss is the mean over a batch, with its gradients."""

import numpy as np

TINY = 1e-6  # of distances: their gradient has no direction at 0


def distances(vectors: np.ndarray) -> np.ndarray:
    """Euclidean distances [b, b] of unit vectors [b, k]."""
    return np.asarray(np.sqrt(np.maximum(2 - 2 * vectors @ vectors.T, TINY**2)))


def by_vectors(vectors: np.ndarray, apart: np.ndarray, by_distance: np.ndarray) -> np.ndarray:
    """The gradient by the vectors [b, k], of their distances [b, b] and the gradient by these."""
    share = (by_distance + by_distance.T) / np.maximum(apart, TINY)
    return np.asarray(share.sum(axis=1, keepdims=True) * vectors - share @ vectors)


def cross_entropy(logits: np.ndarray, classes: np.ndarray) -> tuple[float, np.ndarray]:
    """The mean loss of logits [b, c], and its gradient by them."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    logarithms = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    rows = np.arange(len(classes))
    gradient = np.exp(logarithms)
    gradient[rows, classes] -= 1
    return float(-logarithms[rows, classes].mean()), gradient / len(classes)


def same_class(classes: np.ndarray) -> np.ndarray:
    """Whether two different images of a batch are of one class, [b, b]."""
    same = classes[:, None] == classes
    np.fill_diagonal(same, False)
    return same
