"""The four distances of the search: of one query from every row of a gallery. Smaller is nearer.

`VECTORS` says on what each works: the features, or the class probabilities.
"""

from collections.abc import Callable

import numpy as np

from kindred.errors import InputError

SMOOTHING = 1e-6  # what each class probability is raised by before a logarithm is taken, then they are renormalised


def l2(query: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """Euclidean distance. query [d], gallery [n, d]; [n]."""
    return np.sqrt(((gallery.astype(np.float64) - query.astype(np.float64)) ** 2).sum(axis=1))


def cosine(query: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """1 - cosine of the angle, from 0 to 2; 1 where a vector is zero. query [d], gallery [n, d]; [n]."""
    query, gallery = query.astype(np.float64), gallery.astype(np.float64)
    norms = np.linalg.norm(gallery, axis=1) * np.linalg.norm(query)
    return 1 - np.divide(gallery @ query, norms, out=np.zeros(len(gallery)), where=norms > 0)


def kullback_leibler(query: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """KL(query || row) in nats, of distributions smoothed by SMOOTHING. query [c], gallery [n, c]; [n]."""
    query, gallery = _smooth(query[None])[0], _smooth(gallery)
    return np.maximum((query * np.log(query)).sum() - np.log(gallery) @ query, 0)


DISTANCES: dict[str, tuple[str, Callable[[np.ndarray, np.ndarray], np.ndarray]]] = {
    "l2": ("features", l2),
    "cosine": ("features", cosine),
    "probability_l2": ("probabilities", l2),
    "kullback_leibler": ("probabilities", kullback_leibler),
}


def distance(name: str) -> tuple[str, Callable[[np.ndarray, np.ndarray], np.ndarray]]:
    """On which vectors a distance works, and its function. Raises InputError for an unknown name."""
    if name not in DISTANCES:
        raise InputError(f"unknown distance {name!r}; known: {', '.join(DISTANCES)}")
    return DISTANCES[name]


def _smooth(probabilities: np.ndarray) -> np.ndarray:
    raised = probabilities.astype(np.float64) + SMOOTHING
    return raised / raised.sum(axis=1, keepdims=True)
