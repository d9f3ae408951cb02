"""How many clusters there may be: five ways to ask, each a curve over k, which often disagree. No label is looked at.

What they say is a range, between what the two say that ask the graph of neighbours, and in it the k whose clusters
change least when images are left out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kindred.features import kmeans
from kindred.learning.clusterers import communities as louvain
from kindred.learning.clusterers import spectral
from kindred.learning.pseudo_label_types import Pool
from kindred.runtime.errors import InputError

MAX_K = 30  # clusters that are looked for
SAMPLE = 2000  # images that k-means divides
STARTS = 3  # of each k-means
RESOLUTIONS = tuple(np.geomspace(0.25, 4, 17).round(4).tolist())  # of communities
REFERENCES = 3  # random datasets without clusters, for the gap
RESAMPLES = 3  # pairs of samples that both leave out images
SHARE = 0.7  # of the images in each


@dataclass(frozen=True)
class Advice:
    """Of one advisor: its curve, pairs of k and a value, and the k that it says."""

    advisor: str
    curve: list[tuple[int, float]]
    k: int


@dataclass(frozen=True)
class Range:
    """The numbers of clusters that there may be, and of them the one to begin with."""

    low: int
    high: int
    k: int


def advice(pool: Pool, seed: int, say: Callable[[str], None]) -> list[Advice]:
    """What each advisor says of a pool: 2 clusters at least, MAX_K at most.

    Raises InputError where there is nothing to divide.
    """
    n, threads = len(pool.ids), pool.threads
    if n < 3:
        raise InputError(f"too few images to divide into clusters: {n}; 3 at least are needed")
    if not np.ptp(pool.features, axis=0).any():
        raise InputError(f"all {n:,} images have the same features: there is nothing to divide into clusters")
    sample = pool.reduced[np.sort(np.random.default_rng(seed).permutation(n)[:SAMPLE])]
    numbers = range(2, min(MAX_K, n - 1, _left(len(sample))) + 1)
    said = []
    for of_graph in (communities, eigengap):
        said.append(of_graph(pool, numbers, seed))
    for of_sample in (silhouette, stability, gap):
        said.append(of_sample(sample, numbers, threads, seed))
    say(f"clusters, by {', '.join(f'{one.advisor} {one.k}' for one in said)}")
    return said


def chosen(said: list[Advice]) -> Range:
    """The range between what the advisors say that ask the graph, and in it the most stable k.

    >>> curves = {"communities": [(9, 1.0)], "eigengap": [(11, 1.0)], "stability": [(9, 0.5), (10, 0.9), (11, 0.2)]}
    >>> chosen([Advice(name, curve, curve[0][0]) for name, curve in curves.items()])
    Range(low=9, high=11, k=10)
    """
    by_name = {one.advisor: one for one in said}
    low, high = sorted(by_name[name].k for name in ("communities", "eigengap"))
    return Range(low, high, _highest([(k, value) for k, value in by_name["stability"].curve if low <= k <= high]))


def communities(pool: Pool, numbers: Sequence[int], seed: int) -> Advice:
    """How many communities Louvain's method finds: the curve has the number of resolutions that give k. The k of most
    of them is said, as near to it as `numbers` have.

    Source: V. Blondel et al., Fast Unfolding of Communities in Large Networks (J. Stat. Mech. 2008).
    """
    found = [int(louvain.at_resolution(pool, resolution, seed).max()) + 1 for resolution in RESOLUTIONS]
    curve = [(k, float(found.count(k))) for k in sorted(set(found))]
    return Advice("communities", curve, int(np.clip(_highest(curve), numbers[0], numbers[-1])))


def eigengap(pool: Pool, numbers: Sequence[int], seed: int) -> Advice:
    """The gaps between the eigenvalues of the graph: after the k-th it is large where k parts hang together loosely.

    Source: U. von Luxburg, A Tutorial on Spectral Clustering (Statistics and Computing 2007, section 8.3).
    """
    values, _ = spectral.main_eigenvectors(pool, numbers[-1] + 1, seed)
    curve = [(k, float(values[k - 1] - values[k])) for k in numbers]
    return Advice("eigengap", curve, _highest(curve))


def silhouette(sample: np.ndarray, numbers: Sequence[int], threads: int, seed: int) -> Advice:
    """How much nearer images are to their own cluster than to the next, on average.

    Source: P. Rousseeuw, Silhouettes (Journal of Computational and Applied Mathematics 1987); by scikit-learn.
    """
    from sklearn.metrics import silhouette_score

    between = kmeans.distances(sample, sample, threads)
    np.fill_diagonal(between, 0)
    curve = []
    for k in numbers:
        clusters = _clusters(sample, k, threads, seed)[0]
        several = len(np.unique(clusters)) > 1
        curve.append((k, float(silhouette_score(between, clusters, metric="precomputed")) if several else -1.0))
    return Advice("silhouette", curve, _highest(curve))


def stability(sample: np.ndarray, numbers: Sequence[int], threads: int, seed: int) -> Advice:
    """How alike the clusters of two samples of the images are, by the adjusted Rand index on what both hold.

    Source: A. Ben-Hur et al., A Stability Based Method for Discovering Structure in Clustered Data (PSB 2002).
    """
    from sklearn.metrics import adjusted_rand_score

    rng = np.random.default_rng(seed)
    pairs = [[np.sort(rng.permutation(len(sample))[: _left(len(sample))]) for _ in "ab"] for _ in range(RESAMPLES)]
    curve = []
    for k in numbers:
        alike = []
        for number, rows in enumerate(pairs):
            both = np.intersect1d(rows[0], rows[1])
            one, other = (
                _clusters(sample[own], k, threads, seed + number)[0][np.searchsorted(own, both)] for own in rows
            )
            alike.append(adjusted_rand_score(one, other))
        curve.append((k, float(np.mean(alike))))
    return Advice("stability", curve, _highest(curve))


def gap(sample: np.ndarray, numbers: Sequence[int], threads: int, seed: int) -> Advice:
    """By how much the distances to the centroids are smaller than in images without clusters, evenly spread over the
    same principal axes: the least k that is as good as the next, to a standard error.

    Source: R. Tibshirani et al., Estimating the Number of Clusters via the Gap Statistic (JRSS B 2001).
    """
    rng = np.random.default_rng(seed)
    low, high = sample.min(axis=0), sample.max(axis=0)
    references = [rng.uniform(low, high, sample.shape).astype(np.float32) for _ in range(REFERENCES)]
    curve, errors = [], []
    for k in numbers:
        logs = [np.log(max(_clusters(of, k, threads, seed)[1], 1e-12)) for of in (sample, *references)]
        curve.append((k, float(np.mean(logs[1:]) - logs[0])))
        errors.append(float(np.std(logs[1:]) * np.sqrt(1 + 1 / REFERENCES)))
    for (k, value), (_, following), error in zip(curve, curve[1:], errors[1:], strict=False):
        if value >= following - error:
            return Advice("gap", curve, k)
    return Advice("gap", curve, numbers[-1])


def _clusters(vectors: np.ndarray, k: int, threads: int, seed: int) -> tuple[np.ndarray, float]:
    """The clusters [n] of the best of STARTS starts of k-means, and the sum of the squared distances."""
    tries = []
    for start in range(STARTS):
        distances = kmeans.distances(vectors, kmeans.single_start(vectors, k, threads, seed * STARTS + start), threads)
        tries.append((distances.argmin(axis=1), float((distances.min(axis=1) ** 2).sum())))
    return min(tries, key=lambda one: one[1])


def _left(count: int) -> int:
    """How many of so many images a sample of them holds."""
    return int(np.ceil(SHARE * count))


def _highest(curve: list[tuple[int, float]]) -> int:
    """The k of the highest value; the least of several."""
    return max(curve, key=lambda pair: (pair[1], -pair[0]))[0]
