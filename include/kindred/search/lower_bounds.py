"""Lower bounds of all keys, which one small matrix product gives: of points made short, in float32.

A point x is shortened to its coordinates x_m on the first principal axes and the length |x_r| of what these leave out.
By the reverse triangle inequality, and by the triangle inequality for the farthest,

    |[q_m, |q_r|] - [x_m, |x_r|]|  <=  |q - x|  <=  |[q_m, -|q_r|] - [x_m, |x_r|]|

whatever the axes are, as long as they are orthonormal: those of a sample do, and rows may come later. What the product
loses in float32 is bounded too (N. Higham, Accuracy and Stability of Numerical Algorithms, section 3.1): a sum of s
terms is off by at most s u of the sum of their sizes, u = 2^-24. Of |q|^2 - 2 q.x + |x|^2 these are at most twice
|q|^2 + |x|^2, of the divergence the product itself; rounding the points adds a few u. The margin is twice that, and it
is taken off the very columns that bound the sizes.
"""

import io
from dataclasses import dataclass

import numpy as np

from kindred.runtime.errors import InputError
from kindred.search.distances import DISTANCES, SQUARED, Distance, fitting
from kindred.search.float32_keys import ROUNDING

MAX_WHOLE = 96  # coordinates; longer points are shortened. Infinite: none are
SHORTENING = 8  # to 1 of so many coordinates: the quickest of 6, 8 and 12 on the pixels of Fashion-MNIST
BLOCK_ROWS = 512  # of a gallery that are made short at a time: in float64 they would be twice what a shard holds
SAMPLE_SIZE = 5000  # vectors that the axes are learned from


@dataclass(frozen=True)
class LowerBound:
    """How the points of a distance are shortened: about `mean` [p], on `axes` [m, p]; whole where there are none."""

    distance: Distance
    mean: np.ndarray
    axes: np.ndarray

    def gallery_side(self, vectors: np.ndarray) -> np.ndarray:
        """The gallery's side [n, s] of the product, float32, of vectors [n, d]."""
        starts = range(0, max(1, len(vectors)), BLOCK_ROWS)
        return np.concatenate([self._side(vectors[start : start + BLOCK_ROWS]) for start in starts])

    def _side(self, vectors: np.ndarray) -> np.ndarray:
        points = self._short(self.distance.points(vectors, query=False))
        return np.asarray(self.distance.product.right(points), np.float32)

    def query_side(self, vectors: np.ndarray, farthest: bool) -> tuple[np.ndarray, np.ndarray]:
        """An offset [b] and the queries' side [b, s], float32: offset + side . gallery is at most the key of each row,
        or, for the farthest, at most minus the key. Raises InputError for a query of which the distance has no point.
        """
        sign, points = -1 if farthest else 1, self.query_points(vectors)
        if len(self.axes):
            points[:, -1] *= sign
        offset, left = self.distance.product.left(points)
        margin = 4 * (left.shape[1] + 8) * ROUNDING
        side, sizes = sign * left, self.distance.product.sizes
        side[:, sizes] -= margin * left[:, sizes]
        return sign * offset - margin * np.abs(offset), side.astype(np.float32)

    def query_points(self, vectors: np.ndarray) -> np.ndarray:
        """The short points [b, m] of queries. Raises InputError for a query of which the distance has no point."""
        points = self._short(self.distance.points(vectors, query=True))
        if not np.isfinite(points).all():
            raise InputError(f"{self.distance.name!r} is not defined for the {self.distance.vectors} of every query")
        return points

    def _short(self, points: np.ndarray) -> np.ndarray:
        if not len(self.axes):
            return points
        centred = points - self.mean
        on_axes = centred @ self.axes.T
        rest = np.sqrt(np.maximum((centred**2).sum(axis=1) - (on_axes**2).sum(axis=1), 0))
        return np.hstack([on_axes, rest[:, None]])


def fit(samples: dict[str, np.ndarray], several: bool = False) -> dict[str, LowerBound]:
    """A lower bound of each distance, by name, from samples [n, d] of what it works on: features and probabilities, or
    one of them; the latter of one label an image, or of `several`.
    """
    known = {name: distance for name, distance in fitting(several).items() if distance.vectors in samples}
    return {name: fit_one(distance, samples[distance.vectors]) for name, distance in known.items()}


def fit_one(distance: Distance, sample: np.ndarray) -> LowerBound:
    """The lower bound of a distance from a sample [n, d] of the vectors that it works on. Raises InputError where the
    distance is not defined for these.
    """
    points = distance.points(sample[:SAMPLE_SIZE], query=False)
    if not np.isfinite(points).all():
        raise InputError(f"{distance.name!r} is not defined for the {distance.vectors} of every image")
    width = points.shape[1]
    short = max(MAX_WHOLE // 2, width // SHORTENING)
    if distance.product is not SQUARED or width <= MAX_WHOLE or len(points) <= short:
        return LowerBound(distance, np.zeros(width), np.empty((0, width)))
    from sklearn.decomposition import PCA

    pca = PCA(short, random_state=0).fit(points)
    return LowerBound(distance, pca.mean_, np.linalg.qr(pca.components_.T)[0].T)


def to_bytes(bounds: dict[str, LowerBound]) -> bytes:
    """Lower bounds by name as an .npz file."""
    arrays = {f"{name}-{part}": getattr(bound, part) for name, bound in bounds.items() for part in ("mean", "axes")}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def from_bytes(content: bytes) -> dict[str, LowerBound]:
    """The lower bounds in an .npz file by name, of those distances that there are still."""
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        names = [name for name in DISTANCES if f"{name}-mean" in arrays]
        return {n: LowerBound(DISTANCES[n], arrays[f"{n}-mean"], arrays[f"{n}-axes"]) for n in names}
