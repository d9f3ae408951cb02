"""TEMI: linear heads on frozen features, trained without labels. A head gives each image a distribution over k
clusters, and learns to give an image and its neighbour the same one, by the pointwise mutual information of the two; a
slow copy of the heads (the teacher) says what the neighbour's is. Of several heads that of the least loss counts.

Source: N. Adaloglou et al., Exploring the Limits of Deep Image Clustering using Pretrained Models (BMVC 2023),
equations 4 to 8. Different here: heads are linear and start from k-means, so that seconds of a CPU are enough.
"""

import functools

import numpy as np

from kindred.features import kmeans
from kindred.learning.cluster_splits import split_largest
from kindred.learning.pseudo_label_types import Pool

MAX_CLUSTERS = 200  # 15 CPU-seconds
HEADS, HEAD_COLUMNS = 10, 200  # heads, fewer where all together would have more clusters than that, but 4 at least
TEMPERATURE = 0.1  # of a head's logits, which are cosines at the start
BETA = 0.6  # below 1: clusters are kept alike in size
STEPS, PAIRS = 200, 1024  # of the training; pairs of neighbours a step, at most one for each image
RATE = 0.02  # Adam's
DECAYS = (0.9, 0.999)  # Adam's, of the gradient's mean and square
TEACHER_DECAY = 0.95
SHARE_DECAY = 0.9  # of the running mean of the clusters' shares
LOSS_PAIRS = 50_000  # that choose the head
BLOCK_ROWS = 8192


def clusters(pool: Pool, k: int, seed: int) -> np.ndarray:
    _, found = np.unique(memberships(pool, k, seed).argmax(axis=1), return_inverse=True)
    return split_largest(pool, found, k, seed)


def memberships(pool: Pool, k: int, seed: int) -> np.ndarray:
    """The best head's distribution over the k clusters for each image, [n, k]; computed once for a pool."""
    return pool.once(("temi", k, seed), functools.partial(_memberships, pool, k, seed))


def _memberships(pool: Pool, k: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    vectors = pool.reduced
    heads = _trained(vectors, pool, _starts(vectors, k, pool.threads, seed), k, rng)
    first, second = _neighbour_pairs(pool, LOSS_PAIRS, rng)
    p, q = (_log_probabilities(vectors[rows], heads, k) for rows in (first, second))
    shares = (np.exp(p).mean(axis=0) + np.exp(q).mean(axis=0)) / 2
    information = np.log((np.exp(BETA * (p + q)) / np.maximum(shares, 1e-12)).sum(axis=2))
    best = int((_weights(p, q)[:, None] * information).mean(axis=0).argmax())
    own = heads[:, best * k : (best + 1) * k]
    blocks = np.array_split(vectors, -(-len(vectors) // BLOCK_ROWS))
    return np.concatenate([np.exp(_log_probabilities(block, own, k)[:, 0]) for block in blocks])


def _trained(vectors: np.ndarray, pool: Pool, heads: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """The teacher's heads [d, heads * k] after the training, which begins with `heads`.

    With weight w, s of the student and t of the teacher the loss is -w log sum_c (s_c t_c)^BETA / share_c. Its gradient
    by the logits is w BETA (s - a), where a is (s_c t_c)^BETA / share_c, normalised to sum to 1.
    """
    student, teacher = heads.copy(), heads.copy()
    pairs = min(PAIRS, len(vectors))
    mean, square = np.zeros_like(heads), np.zeros_like(heads)
    shares = np.full((heads.shape[1] // k, k), 1 / k, np.float32)
    for step in range(1, STEPS + 1):
        first, second = (vectors[rows] for rows in _neighbour_pairs(pool, pairs, rng))
        s, r = (_log_probabilities(x, student, k) for x in (first, second))
        t, u = (_log_probabilities(x, teacher, k) for x in (first, second))
        now = (np.exp(t).mean(axis=0) + np.exp(u).mean(axis=0)) / 2
        shares = SHARE_DECAY * shares + (1 - SHARE_DECAY) * now
        weights = _weights(t, u)[:, None, None] * BETA / TEMPERATURE / (2 * pairs)
        gradient = _product(first, weights * (np.exp(s) - _target(s, u, shares)))
        gradient += _product(second, weights * (np.exp(r) - _target(r, t, shares)))
        mean = DECAYS[0] * mean + (1 - DECAYS[0]) * gradient
        square = DECAYS[1] * square + (1 - DECAYS[1]) * gradient**2
        corrected = np.sqrt(square / (1 - DECAYS[1] ** step)) + 1e-8
        student -= RATE * mean / (1 - DECAYS[0] ** step) / corrected
        teacher = TEACHER_DECAY * teacher + (1 - TEACHER_DECAY) * student
    return teacher


def _target(student: np.ndarray, teacher: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """(s t)^BETA / share, normalised to sum to 1 over the clusters, of the logarithms of s and t [m, heads, k]."""
    return np.exp(_log_softmax(BETA * (student + teacher) - np.log(np.maximum(shares, 1e-12))))


def _weights(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """How much each pair counts [m]: how probable it is that both are of one cluster, the mean of all heads."""
    return np.exp(first + second).sum(axis=2).mean(axis=1)


def _log_probabilities(vectors: np.ndarray, heads: np.ndarray, k: int) -> np.ndarray:
    """The logarithms of each head's distribution for each image, [m, heads, k]."""
    return _log_softmax((vectors @ heads / TEMPERATURE).reshape(len(vectors), -1, k))


def _log_softmax(values: np.ndarray) -> np.ndarray:
    shifted = values - values.max(axis=2, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=2, keepdims=True)))


def _product(vectors: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    return vectors.T @ gradients.reshape(len(vectors), -1).astype(np.float32)


def _neighbour_pairs(pool: Pool, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Random images, and of each a random neighbour in the graph, [count] each."""
    graph = pool.affinities
    first = rng.integers(0, graph.shape[0], count)
    starts, degrees = graph.indptr[first], np.diff(graph.indptr)[first]
    chosen = starts + (rng.random(count) * degrees).astype(int)
    neighbours = graph.indices[np.minimum(chosen, len(graph.indices) - 1)]
    return first, np.where(degrees > 0, neighbours, first)


def _starts(vectors: np.ndarray, k: int, threads: int, seed: int) -> np.ndarray:
    """For each head the centroids of one start of k-means, as unit vectors: [d, heads * k]."""
    heads = min(HEADS, max(4, HEAD_COLUMNS // k))
    starts = [kmeans.single_start(vectors, k, threads, seed * HEADS + head) for head in range(heads)]
    centroids = np.concatenate(starts)
    return np.ascontiguousarray((centroids / np.maximum(np.linalg.norm(centroids, axis=1, keepdims=True), 1e-12)).T)
