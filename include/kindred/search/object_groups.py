"""Groups of a gallery's images that show the same thing, found without labels: images whose keypoints fit one
homography are linked, and whatever is linked is a group.

Only images that are among the nearest of each other's vectors are compared. How many inliers tell the same thing from
one that looks alike is measured on pairs that can hardly match, the least similar ones: a watermark or a frame that all
pictures share raises it. Source: J. Philbin, A. Zisserman, Object Mining using a Matching Graph on Very Large Image
Collections (ICVGIP 2008).
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy.sparse import coo_array, csgraph
from threadpoolctl import threadpool_limits

from kindred.features import approximate_neighbours, neighbours, verification
from kindred.search.reranking import ALONE, MIN_INLIERS, Gallery

COMPARED = 20  # nearest images of each, that are compared with it
UNLIKELY = 500  # pairs that the threshold is measured on, at most
MIN_UNLIKELY = 100  # pairs that a threshold can be measured on
UNLIKELY_SHARE = 0.99  # of those pairs, that must be below the threshold
BLOCK_PAIRS = 5000  # between two lines of progress


def candidate_pairs(vectors: np.ndarray, threads: int) -> np.ndarray:
    """The pairs of images, int [p, 2], the lower row first, of which one is among the nearest of the other, by vectors
    of unit length [m, d]. Of more than neighbours.EXACT_IMAGES a few are missed.
    """
    count = len(vectors)
    if count < 2:
        return np.empty((0, 2), int)
    k = min(COMPARED + 1, count)
    if count <= neighbours.EXACT_IMAGES:
        _, rows = neighbours.nearest(vectors, vectors, k, threads)
    else:
        _, rows = approximate_neighbours.nearest(vectors, approximate_neighbours.reduced(vectors), k, threads)
    pairs = np.stack([np.repeat(np.arange(count), k), rows.ravel()], axis=1)
    return np.unique(np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1), axis=0)


def unlikely_pairs(vectors: np.ndarray, seed: int = 0) -> np.ndarray:
    """Random images and the least similar one of each, int [p, 2]; none of a gallery that is too small."""
    if len(vectors) < MIN_UNLIKELY:
        return np.empty((0, 2), int)
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.choice(len(vectors), min(UNLIKELY, len(vectors)), replace=False))
    return np.stack([rows, (vectors[rows] @ vectors.T).argmin(axis=1)], axis=1)


def inliers(gallery: Gallery, pairs: np.ndarray, threads: int, say: Callable[[str], None]) -> np.ndarray:
    """How many keypoints of the pairs [p, 2] fit one homography, int [p]; 0 where an image has no keypoints."""

    def compared(pair: np.ndarray) -> int:
        one, other = (gallery.keypoints_of(int(row)) for row in pair)
        if one is None or other is None:
            return 0
        return verification.verify(one, other, gallery.binary).inliers

    counts: list[int] = []
    with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:  # products of few rows: one thread for each pair
        for start in range(0, len(pairs), BLOCK_PAIRS):
            counts.extend(pool.map(compared, pairs[start : start + BLOCK_PAIRS]))
            if len(counts) < len(pairs):
                say(f"{len(counts):,} of {len(pairs):,} pairs are compared")
    return np.array(counts, int)


def threshold(counts: np.ndarray) -> int:
    """The inliers from which a pair counts as the same thing: more than almost all of the unlikely pairs' [p] have.

    >>> threshold(np.array([0, 4, 5])), threshold(np.array([30, 31, 29]))
    (8, 32)
    """
    if not len(counts):
        return MIN_INLIERS
    return max(MIN_INLIERS, int(np.quantile(counts, UNLIKELY_SHARE, method="higher")) + 1)


def groups(count: int, links: np.ndarray) -> np.ndarray:
    """The group of each of `count` images, int [count], of links between them [p, 2]: numbered from 0, the largest
    first, of equal ones that of the lowest row; ALONE for an image without a link.

    >>> groups(6, np.array([[4, 5], [0, 1], [1, 2]])).tolist()
    [0, 0, 0, -1, 1, 1]
    """
    matrix = coo_array((np.ones(len(links)), (links[:, 0], links[:, 1])), shape=(count, count))
    _, part = csgraph.connected_components(matrix, directed=False)
    sizes, first = np.bincount(part), np.unique(part, return_index=True)[1]
    several = [number for number in np.lexsort((first, -sizes)).tolist() if sizes[number] > 1]
    numbers = np.full(len(sizes), ALONE)
    numbers[several] = np.arange(len(several))
    return np.asarray(numbers[part])
