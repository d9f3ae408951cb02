"""What re-rankers work on: a query, a gallery of images, and a ranking of its rows; and the first ranking of all.

Distances are cosine distances, 1 - cosine, of unit vectors. A re-ranker gives those of its own, and says which.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from kindred.features.keypoints import Keypoints
from kindred.features.verification import Verified
from kindred.runtime.errors import InputError

RANKED = 1000  # rows of a first ranking
ALONE = -1  # the group of an image that is in none
# From which an image counts as verified: alpha of M. Brown, D. Lowe, Automatic Panoramic Image Stitching using
# Invariant Features (International Journal of Computer Vision 2007). Of 1,500 pairs of different buildings none had
# more than 6.
MIN_INLIERS = 8


@dataclass(frozen=True)
class Gallery:
    """m images: vectors float32 [m, d] of unit length, the keypoints of a row (None for an image that has none), and
    whether their descriptors are bits. `keypoints` is None for a gallery without local features. With `min_inliers` or
    more two images show the same thing; `groups` int [m] says which do (`object_groups`), where that is known.
    """

    vectors: np.ndarray
    keypoints: Callable[[int], Keypoints | None] | None = None
    binary: bool = False
    min_inliers: int = MIN_INLIERS
    groups: np.ndarray | None = None

    def check_keypoints(self) -> None:
        """Raises InputError for a gallery without local features."""
        if self.keypoints is None:
            raise InputError(
                "the gallery has no local features to compare; take a re-ranker that needs none: k_reciprocal"
            )

    def keypoints_of(self, row: int) -> Keypoints | None:
        """Those of one image; None where it has none, or the gallery has no local features."""
        return self.keypoints(row) if self.keypoints else None

    def of_the_same(self, rows: np.ndarray) -> np.ndarray:
        """The rows that show what one of these rows [n] shows, ascending, these among them."""
        if self.groups is None:
            return rows
        wanted = np.setdiff1d(self.groups[rows], ALONE)
        return np.union1d(rows, np.flatnonzero(np.isin(self.groups, wanted)))


@dataclass(frozen=True)
class Query:
    """An image that is looked for: its vector float32 [d] of unit length, and its keypoints, if it has any."""

    vector: np.ndarray
    keypoints: Keypoints | None = None


@dataclass(frozen=True)
class Ranking:
    """Rows of a gallery, int [n], nearest first, each once, and their distances, float64 [n]. `verified` has the rows
    that were compared by keypoints: homographies lead from the query to the row's image.
    """

    rows: np.ndarray
    distances: np.ndarray
    verified: Mapping[int, Verified] = field(default_factory=dict)


def nearest(query: Query, gallery: Gallery, n: int = RANKED) -> Ranking:
    """The n rows (or all, if there are fewer) with the smallest cosine distances to the query's vector; of rows that
    are as near, the first. Raises InputError for a gallery of vectors of another length.
    """
    if gallery.vectors.shape[1:] != query.vector.shape:
        raise InputError(f"the query has {len(query.vector)} numbers, the gallery's vectors {gallery.vectors.shape[1]}")
    distances = 1 - (gallery.vectors @ query.vector).astype(np.float64)
    n = min(n, len(distances))
    if n == 0:
        return Ranking(np.empty(0, int), np.empty(0))
    candidates = np.flatnonzero(distances <= np.partition(distances, n - 1)[n - 1])
    rows = candidates[np.argsort(distances[candidates], kind="stable")][:n]
    return Ranking(rows, distances[rows])
