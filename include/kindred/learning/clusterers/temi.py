"""TEMI: linear heads on frozen features, trained without labels. A head gives each image a distribution over k
clusters, and learns to give an image and its neighbour the same one, by the pointwise mutual information of the two; a
slow copy of the heads (the teacher) says what the neighbour's is.

Source: N. Adaloglou et al., Exploring the Limits of Deep Image Clustering using Pretrained Models (BMVC 2023),
equations 4 to 8. Different here: heads are linear, so that seconds of a CPU are enough, and there are two kinds. Heads
that start from k-means, and one from communities, are kept alike in size, as published; another one that starts from
communities keeps their sizes. Taken is the head that cuts the graph of neighbours least, of the highest modularity; the
one of the second kind where its modularity is clearly higher: where classes differ in size.
"""

import functools

import numpy as np

from kindred.learning import cluster_heads, clusterings
from kindred.learning.cluster_heads import Adam, log_probabilities, log_softmax, neighbour_pairs
from kindred.learning.clusterers import communities
from kindred.learning.pseudo_label_types import Pool

CODE = (cluster_heads, communities)
MAX_CLUSTERS = 200  # 15 CPU-seconds
BETA = 0.6  # below 1: clusters are kept near their expected sizes
TEACHER_DECAY = 0.95
SHARE_DECAY = 0.9  # of the running mean of the clusters' shares
MODULARITY_MARGIN = 0.008  # by which that of uneven clusters has to be higher: communities are made by it


def clusters(pool: Pool, k: int, seed: int) -> np.ndarray:
    heads, _ = _even_heads(pool, k, seed)
    each = [*np.split(heads, heads.shape[1] // k, axis=1), _of_communities(pool, k, seed, even=True)]
    even = [_clusters(pool, head, k) for head in each]
    uneven = _clusters(pool, _of_communities(pool, k, seed, even=False), k)
    modularity = [communities.modularity(pool, clusters) for clusters in even]
    if communities.modularity(pool, uneven) > max(modularity) + MODULARITY_MARGIN:
        return np.asarray(uneven)
    return np.asarray(even[int(np.argmax(modularity))])


def memberships(pool: Pool, k: int, seed: int) -> np.ndarray:
    """The distribution [n, k] of the head of the least loss, of those that start from k-means; computed once for a
    pool.
    """
    return pool.once(("temi", k, seed), functools.partial(_memberships, pool, k, seed))


def _memberships(pool: Pool, k: int, seed: int) -> np.ndarray:
    heads, pairs = _even_heads(pool, k, seed)
    return cluster_heads.memberships(pool.reduced, heads, k, pairs, _losses)


def _even_heads(pool: Pool, k: int, seed: int) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """The heads that start from k-means [d, heads * k], and pairs of neighbours for their losses; computed once."""

    def train() -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
        rng = np.random.default_rng(seed)
        heads = _trained(pool, cluster_heads.starts(pool.reduced, k, pool.threads, seed), np.ones(k, np.float32), rng)
        return heads, neighbour_pairs(pool, cluster_heads.LOSS_PAIRS, rng)

    return pool.once(("temi heads", k, seed), train)


def _clusters(pool: Pool, head: np.ndarray, k: int) -> np.ndarray:
    return np.asarray(cluster_heads.distribution(pool.reduced, head, k).argmax(axis=1))


def _of_communities(pool: Pool, k: int, seed: int, even: bool) -> np.ndarray:
    """A head [d, k] that starts from communities, and is kept alike in size, or to their sizes."""
    start = clusterings.clustering("communities", pool, k, seed).clusters
    sizes = np.ones(k) if even else np.bincount(start) * (k / len(start))
    head = cluster_heads.centroids(pool.reduced, start)
    return _trained(pool, head, sizes.astype(np.float32), np.random.default_rng(seed))


def _losses(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Minus the weighted mutual information of each head [heads], of log-probabilities [m, heads, k] of pairs."""
    shares = (np.exp(p).mean(axis=0) + np.exp(q).mean(axis=0)) / 2
    information = np.log((np.exp(BETA * (p + q)) / np.maximum(shares, 1e-12)).sum(axis=2))
    return np.asarray(-(_weights(p, q)[:, None] * information).mean(axis=0))


def _trained(pool: Pool, heads: np.ndarray, sizes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The teacher's heads [d, heads * k] after the training, which begins with `heads`. `sizes`: those expected of the
    clusters [k], 1 on average.

    With weight w, s of the student and t of the teacher the loss is -w log sum_c (s_c t_c)^BETA size_c / share_c, where
    the published one expects them alike. Its gradient by the logits is w BETA (s - a), where a is what is summed,
    normalised to sum to 1.
    """
    vectors, student, teacher, adam = pool.reduced, heads.copy(), heads.copy(), Adam(heads.shape)
    pairs = min(cluster_heads.PAIRS, len(vectors))
    k = len(sizes)
    shares = np.tile(sizes / np.float32(k), (heads.shape[1] // k, 1))
    for _ in range(cluster_heads.STEPS):
        first, second = (vectors[rows] for rows in neighbour_pairs(pool, pairs, rng))
        s, r = (log_probabilities(x, student, k) for x in (first, second))
        t, u = (log_probabilities(x, teacher, k) for x in (first, second))
        now = (np.exp(t).mean(axis=0) + np.exp(u).mean(axis=0)) / 2
        shares = SHARE_DECAY * shares + (1 - SHARE_DECAY) * now
        weights = _weights(t, u)[:, None, None] * BETA / (2 * pairs)
        gradient = cluster_heads.gradient_of(first, weights * (np.exp(s) - _target(s, u, shares / sizes)))
        gradient += cluster_heads.gradient_of(second, weights * (np.exp(r) - _target(r, t, shares / sizes)))
        student -= adam.step(gradient)
        teacher = TEACHER_DECAY * teacher + (1 - TEACHER_DECAY) * student
    return teacher


def _target(student: np.ndarray, teacher: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """(s t)^BETA / share, normalised to sum to 1 over the clusters, of the logarithms of s and t [m, heads, k]."""
    return np.exp(log_softmax(BETA * (student + teacher) - np.log(np.maximum(shares, 1e-12))))


def _weights(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """How much each pair counts [m]: how probable it is that both are of one cluster, the mean of all heads."""
    return np.exp(first + second).sum(axis=2).mean(axis=1)
