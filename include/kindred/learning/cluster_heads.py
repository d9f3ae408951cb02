"""Heads that divide images into clusters: one linear layer each, trained without labels on pairs of neighbours. What
the methods that train them have in common; a method is its loss.
"""

from collections.abc import Callable

import numpy as np

from kindred.features import kmeans
from kindred.learning.pseudo_label_types import Pool

HEADS, HEAD_COLUMNS = 10, 200  # heads, fewer where all together would have more clusters than that, but 4 at least
TEMPERATURE = 0.1  # of a head's logits, which are cosines at the start
STEPS, PAIRS = 200, 1024  # of the training; pairs of neighbours a step, at most one for each image
RATE = 0.02  # Adam's
DECAYS = (0.9, 0.999)  # Adam's, of the gradient's mean and square
LOSS_PAIRS = 50_000  # that choose the head
BLOCK_ROWS = 8192


class Adam:
    """Steps along gradients, each number with a rate of its own.

    Source: D. Kingma, J. Ba, Adam: A Method for Stochastic Optimization (ICLR 2015, algorithm 1).
    """

    def __init__(self, shape: tuple[int, ...], rate: float = RATE) -> None:
        self._rate, self._steps = rate, 0
        self._mean: np.ndarray = np.zeros(shape, np.float32)
        self._square: np.ndarray = np.zeros(shape, np.float32)

    def step(self, gradient: np.ndarray) -> np.ndarray:
        """What is to be taken off the parameters."""
        self._steps += 1
        self._mean = DECAYS[0] * self._mean + (1 - DECAYS[0]) * gradient
        self._square = DECAYS[1] * self._square + (1 - DECAYS[1]) * gradient**2
        corrected = np.sqrt(self._square / (1 - DECAYS[1] ** self._steps)) + 1e-8
        return np.asarray(self._rate * self._mean / (1 - DECAYS[0] ** self._steps) / corrected)


def starts(vectors: np.ndarray, k: int, threads: int, seed: int) -> np.ndarray:
    """For each head the centroids of one start of k-means, as unit vectors: [d, heads * k]."""
    heads = min(HEADS, max(4, HEAD_COLUMNS // k))
    each = [kmeans.single_start(vectors, k, threads, seed * HEADS + head) for head in range(heads)]
    return _as_heads(np.concatenate(each))


def centroids(vectors: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """A head of the centroids of clusters [n], none of them empty, as unit vectors: [d, k]."""
    return _as_heads(np.stack([vectors[clusters == number].mean(axis=0) for number in range(int(clusters.max()) + 1)]))


def _as_heads(centres: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray((centres / np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-12)).T)


def neighbour_pairs(pool: Pool, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Random images, and of each a random neighbour in the graph, itself where it has none; [count] each."""
    graph = pool.affinities
    first = rng.integers(0, graph.shape[0], count)
    from_, degrees = graph.indptr[first], np.diff(graph.indptr)[first]
    places, linked = from_ + (rng.random(count) * degrees).astype(int), degrees > 0
    second = first.copy()
    second[linked] = graph.indices[places[linked]]
    return first, second


def log_probabilities(vectors: np.ndarray, heads: np.ndarray, k: int) -> np.ndarray:
    """The logarithms of each head's distribution for each image, [m, heads, k]."""
    return log_softmax((vectors @ heads / TEMPERATURE).reshape(len(vectors), -1, k))


def log_softmax(values: np.ndarray) -> np.ndarray:
    """Of the last axis of an array [m, heads, k]."""
    shifted = values - values.max(axis=2, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=2, keepdims=True)))


def gradient_of(vectors: np.ndarray, by_logit: np.ndarray) -> np.ndarray:
    """The gradient by the heads [d, heads * k], of vectors [m, d] and the gradient by the logits [m, heads, k]."""
    return vectors.T @ (by_logit / TEMPERATURE).reshape(len(vectors), -1).astype(np.float32)


def memberships(
    vectors: np.ndarray,
    heads: np.ndarray,
    k: int,
    pairs: tuple[np.ndarray, np.ndarray],
    losses: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> np.ndarray:
    """The distribution [n, k] of the head of the least loss. `losses` gives them [heads], from the logarithms of the
    distributions of both images of the pairs.
    """
    p, q = (log_probabilities(vectors[rows], heads, k) for rows in pairs)
    best = int(losses(p, q).argmin())
    return distribution(vectors, heads[:, best * k : (best + 1) * k], k)


def distribution(vectors: np.ndarray, head: np.ndarray, k: int) -> np.ndarray:
    """One head's distribution for each image, [n, k]."""
    blocks = np.array_split(vectors, -(-len(vectors) // BLOCK_ROWS))
    return np.concatenate([np.exp(log_probabilities(block, head, k)[:, 0]) for block in blocks])
