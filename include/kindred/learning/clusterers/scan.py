"""SCAN's clustering loss: a linear head on frozen features learns to give an image and its neighbour the same cluster
with certainty, while all clusters together stay alike in size. Of several heads that of the least loss counts.

Source: W. Van Gansbeke et al., SCAN: Learning to Classify Images without Labels (ECCV 2020), equation 2. Different
here: heads start from k-means, and the features' network is not trained; its third step, self-labelling, is
`carried_over` with a threshold.
"""

import functools

import numpy as np

from kindred.learning import cluster_heads
from kindred.learning.cluster_heads import Adam, log_probabilities, neighbour_pairs
from kindred.learning.pseudo_label_types import Pool

CODE = (cluster_heads,)
MAX_CLUSTERS = 200  # as many columns as TEMI's heads
ENTROPY = 5.0  # lambda: what the entropy of the clusters' shares counts


def clusters(pool: Pool, k: int, seed: int) -> np.ndarray:
    return np.asarray(memberships(pool, k, seed).argmax(axis=1))


def memberships(pool: Pool, k: int, seed: int) -> np.ndarray:
    """The best head's distribution over the k clusters for each image, [n, k]; computed once for a pool."""
    return pool.once(("scan", k, seed), functools.partial(_memberships, pool, k, seed))


def _memberships(pool: Pool, k: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    heads = cluster_heads.starts(pool.reduced, k, pool.threads, seed)
    adam, pairs = Adam(heads.shape), min(cluster_heads.PAIRS, len(pool.reduced))
    for _ in range(cluster_heads.STEPS):
        first, second = (pool.reduced[rows] for rows in neighbour_pairs(pool, pairs, rng))
        p, q = (log_probabilities(vectors, heads, k) for vectors in (first, second))
        of_first, of_second = _gradients(p, q)
        gradient = cluster_heads.gradient_of(first, of_first) + cluster_heads.gradient_of(second, of_second)
        heads = heads - adam.step(gradient)
    return cluster_heads.memberships(
        pool.reduced, heads, k, neighbour_pairs(pool, cluster_heads.LOSS_PAIRS, rng), losses
    )


def losses(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """The loss of each head [heads], of log-probabilities [m, heads, k] of images and their neighbours."""
    same = np.exp(p + q).sum(axis=2)
    shares = np.exp(p).mean(axis=0)
    entropy = -(shares * np.log(np.maximum(shares, 1e-12))).sum(axis=1)
    return np.asarray(-np.log(np.maximum(same, 1e-12)).mean(axis=0) - ENTROPY * entropy)


def _gradients(p: np.ndarray, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The gradients [m, heads, k] of the loss by the logits of both images of each pair."""
    first, second = np.exp(p), np.exp(q)
    both = first * second
    both /= np.maximum(both.sum(axis=2, keepdims=True), 1e-12)
    by_share = ENTROPY * (np.log(np.maximum(first.mean(axis=0), 1e-12)) + 1)
    entropy = first * (by_share - (first * by_share).sum(axis=2, keepdims=True))
    return (first - both + entropy) / len(p), (second - both) / len(p)
