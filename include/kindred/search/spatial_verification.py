"""A ranking's first images compared with the query by their keypoints, and those that show the same thing first."""

from collections.abc import Mapping

import numpy as np
from threadpoolctl import threadpool_limits

from kindred.features import verification
from kindred.features.verification import Verified
from kindred.runtime.errors import InputError
from kindred.search.reranking import Gallery, Query, Ranking

CANDIDATES = 100  # of a ranking, that are compared
# From which an image counts as verified: alpha of M. Brown, D. Lowe, Automatic Panoramic Image Stitching using
# Invariant Features (International Journal of Computer Vision 2007). Of 1,192 pairs of different buildings none had
# more than 6.
MIN_INLIERS = 8


def compared(query: Query, gallery: Gallery, ranking: Ranking) -> Ranking:
    """The ranking, in its order, with the first CANDIDATES compared with the query; those that were already are not
    compared again. An image without keypoints is never verified. Raises InputError for a gallery without local
    features.
    """
    if gallery.keypoints is None:
        raise InputError("the gallery has no local features to compare; take a re-ranker that needs none: k_reciprocal")
    if query.keypoints is None:
        return ranking
    verified = dict(ranking.verified)
    with threadpool_limits(1):  # products of so few rows cost several times as much on more threads
        for row in ranking.rows[:CANDIDATES].tolist():
            if row not in verified and (keypoints := gallery.keypoints(row)) is not None:
                verified[row] = verification.verify(query.keypoints, keypoints, gallery.binary)
    return Ranking(ranking.rows, ranking.distances, verified)


def verified_rows(verified: Mapping[int, Verified]) -> np.ndarray:
    """The rows with at least MIN_INLIERS inliers, int [n], in the order of their numbers."""
    return np.array(sorted(row for row, one in verified.items() if one.inliers >= MIN_INLIERS), int)


def verified_first(ranking: Ranking) -> Ranking:
    """The verified rows by their number of inliers, most first, then the others as they were; distances go along."""
    inliers = [ranking.verified[row].inliers if row in ranking.verified else 0 for row in ranking.rows.tolist()]
    counts = np.array(inliers, int)
    order = np.argsort(np.where(counts >= MIN_INLIERS, -counts, 0), kind="stable")
    return Ranking(ranking.rows[order], ranking.distances[order], ranking.verified)
