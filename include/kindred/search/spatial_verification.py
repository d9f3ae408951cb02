"""A ranking's first images compared with the query by their keypoints, and those that show the same thing first."""

from collections.abc import Mapping

import numpy as np
from threadpoolctl import threadpool_limits

from kindred.features import verification
from kindred.features.verification import Verified
from kindred.search.reranking import Gallery, Query, Ranking

CANDIDATES = 100  # of a ranking, that are compared


def compared(query: Query, gallery: Gallery, ranking: Ranking) -> Ranking:
    """The ranking, in its order, with the first CANDIDATES compared with the query; those that were already are not
    compared again. An image without keypoints is never verified. Raises InputError for a gallery without local
    features.
    """
    gallery.check_keypoints()
    if query.keypoints is None:
        return ranking
    verified = dict(ranking.verified)
    with threadpool_limits(1):  # products of so few rows cost several times as much on more threads
        for row in ranking.rows[:CANDIDATES].tolist():
            if row not in verified and (keypoints := gallery.keypoints_of(row)) is not None:
                verified[row] = verification.verify(query.keypoints, keypoints, gallery.binary)
    return Ranking(ranking.rows, ranking.distances, verified)


def verified_rows(verified: Mapping[int, Verified], gallery: Gallery) -> np.ndarray:
    """The rows that have enough inliers, int [n], in the order of their numbers."""
    return np.array(sorted(row for row, one in verified.items() if one.inliers >= gallery.min_inliers), int)


def verified_first(ranking: Ranking, gallery: Gallery, same: np.ndarray | None = None) -> Ranking:
    """The verified rows by their number of inliers, most first, then those of `same` [n], then the others, as they
    were; distances go along.
    """
    inliers = [ranking.verified[row].inliers if row in ranking.verified else 0 for row in ranking.rows.tolist()]
    counts = np.array(inliers, int)
    known = np.isin(ranking.rows, [] if same is None else same)
    order = np.argsort(np.where(counts >= gallery.min_inliers, -counts, np.where(known, 0, 1)), kind="stable")
    return Ranking(ranking.rows[order], ranking.distances[order], ranking.verified)
