"""The distances of the search. Smaller is nearer. A new one is one more entry in DISTANCES.

Each works on one kind of vectors (the features, or the class probabilities), which it first turns into points, and
orders a gallery by a key that is a matrix product of the query's side and the gallery's:

    squared Euclidean   |q - g|^2  = |q|^2 + [-2 q, 1] . [g, |g|^2]
    Kullback-Leibler    KL(q || g) = sum q log q + q . (-log g)
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kindred.runtime.errors import InputError
from kindred.search import float32_keys
from kindred.search.float32_keys import Float32Keys

NUMBERS_PER_BLOCK = 2**18  # of pairs that are compared at once, in float64: 2 MiB, as much as a core's cache holds
SMOOTHING = 1e-6  # what each class probability is raised by before a logarithm is taken, then they are renormalised


@dataclass(frozen=True)
class Product:
    """A key of points, as a matrix product and, without its rounding, pair by pair. All in float64.

    left(queries [b, p]) -> offset [b], sides [b, s]; right(gallery [n, p]) -> sides [n, s]. In the columns `sizes`
    neither is ever negative: they bound the sizes of all terms, and so what rounding may do to the whole product.
    pairs(queries [n, p], gallery [n, p]) -> key [n], exactly 0 of a point with itself
    """

    left: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
    right: Callable[[np.ndarray], np.ndarray]
    sizes: slice
    pairs: Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Distance:
    """`points` makes points [n, p] of `vectors` [n, d] (features, or probabilities), which may depend on their side;
    `value` makes a distance of a key.

    `several`: it is for the probabilities of several labels an image alone, or of one label alone; None: for both.
    `float32_keys` gives the same keys from the vectors themselves, quicker and with a bound of their error, for what
    the search compares first. It must fit `points` and `product`; None: all pairs are compared in float64.
    """

    name: str
    vectors: str
    product: Product
    points: Callable[..., np.ndarray]
    value: Callable[[np.ndarray], np.ndarray]
    float32_keys: Float32Keys | None = None
    several: bool | None = None

    def between(self, queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
        """Of each query [b, d] from each row of the gallery [n, d], [b, n]: by one matrix product in float64, so small
        distances are rounded (an L2 distance to about 1e-8 of the vectors' length).
        """
        offset, left = self.product.left(self.points(queries, query=True))
        right = self.product.right(self.points(gallery, query=False))
        return self.value(np.maximum(offset[:, None] + left @ right.T, 0))

    def keys(self, queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
        """The key of each query [n, d] and the row of the gallery [n, d] beside it, [n]: pair by pair."""
        return self.product.pairs(self.points(queries, query=True), self.points(gallery, query=False))

    def indexed_keys(self, queries: np.ndarray, query: np.ndarray, gallery: np.ndarray, row: np.ndarray) -> np.ndarray:
        """`keys` of pairs [m] of a row of the queries [b, d] and one of the gallery [n, d]: `query` and `row`. Only a
        block of pairs is copied at a time, whatever m.
        """
        keys = np.empty(len(row))
        size = max(1, NUMBERS_PER_BLOCK // max(1, gallery.shape[1]))
        for start in range(0, len(row), size):
            here = slice(start, start + size)
            keys[here] = self.keys(queries[query[here]], gallery[row[here]])
        return keys


def _plain(vectors: np.ndarray, query: bool) -> np.ndarray:
    return np.asarray(vectors, np.float64)


def _directions(vectors: np.ndarray, query: bool) -> np.ndarray:
    """At length 1. A zero vector, which has no direction, becomes an axis of its own: its cosine to anything is 0."""
    vectors = np.asarray(vectors, np.float64)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    axes = np.zeros((len(vectors), 2))
    axes[:, int(query)] = lengths[:, 0] == 0
    return np.hstack([vectors / np.where(lengths > 0, lengths, 1), axes])


def _smooth(probabilities: np.ndarray, query: bool) -> np.ndarray:
    raised = np.asarray(probabilities, np.float64) + SMOOTHING
    return raised / raised.sum(axis=1, keepdims=True)


def _smooth_each(probabilities: np.ndarray, query: bool) -> np.ndarray:
    """Of each class by itself how probable it is that an image has it, and that it has not: [n, 2 d]. The divergence of
    these is the sum of the classes' own, which is that of whole sets if classes do not depend on each other.
    """
    raised = (np.asarray(probabilities, np.float64) + SMOOTHING) / (1 + 2 * SMOOTHING)
    return np.hstack([raised, 1 - raised])


def smoothing_bound(query: np.ndarray, row: np.ndarray) -> float:
    """By how much smoothing may change KL(query || row), but for a part that all rows of a gallery share. [c] each.

    With s = SMOOTHING and c classes, log g changes by -c s to s / g, and q by 2 c s in all, which counts at most
    log((1 + c s) / s) each.
    """
    support = query > 0
    if (row[support] == 0).any():
        return np.inf
    own = SMOOTHING * (query[support] / row[support]).sum()
    wide = len(query) * SMOOTHING
    return float(own + wide + 2 * wide * np.log((1 + wide) / SMOOTHING))


def _squared_left(queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return (queries**2).sum(axis=1), np.hstack([-2 * queries, np.ones((len(queries), 1))])


def _squared_right(gallery: np.ndarray) -> np.ndarray:
    return np.hstack([gallery, (gallery**2).sum(axis=1, keepdims=True)])


def _squared_pairs(queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    return ((queries - gallery) ** 2).sum(axis=1)


def _divergence_left(queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return (queries * np.log(queries)).sum(axis=1), queries


def _divergence_right(gallery: np.ndarray) -> np.ndarray:
    return -np.log(gallery)


def _divergence_pairs(queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    return np.maximum((queries * (np.log(queries) - np.log(gallery))).sum(axis=1), 0)


SQUARED = Product(_squared_left, _squared_right, slice(-1, None), _squared_pairs)
DIVERGENCE = Product(_divergence_left, _divergence_right, slice(None), _divergence_pairs)

DISTANCES = {
    distance.name: distance
    for distance in (
        Distance("l2", "features", SQUARED, _plain, np.sqrt, float32_keys.squared_l2),
        # |a - b|^2 = 2 - 2 a.b
        Distance(
            "cosine", "features", SQUARED, _directions, lambda key: key / 2, float32_keys.squared_l2_of_directions
        ),
        Distance("probability_l2", "probabilities", SQUARED, _plain, np.sqrt, float32_keys.squared_l2),
        Distance("kullback_leibler", "probabilities", DIVERGENCE, _smooth, lambda key: key, several=False),
        Distance("binary_kullback_leibler", "probabilities", DIVERGENCE, _smooth_each, lambda key: key, several=True),
    )
}


def fitting(several: bool) -> dict[str, Distance]:
    """The distances for one label an image, or for `several`, by name.

    >>> [name for name in fitting(several=True) if name not in fitting(several=False)]
    ['binary_kullback_leibler']
    """
    return {name: known for name, known in DISTANCES.items() if known.several in (None, several)}


def distance(name: str) -> Distance:
    """The distance of that name. Raises InputError for an unknown one."""
    if name not in DISTANCES:
        raise InputError(f"unknown distance {name!r}; known: {', '.join(DISTANCES)}")
    return DISTANCES[name]
