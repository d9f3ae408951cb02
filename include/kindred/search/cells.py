"""The cells of an approximate search: those of k-means on the short points of the lower bounds (an inverted file:
J. Sivic and A. Zisserman, Video Google, ICCV 2003, section 4), in which a coordinate has 8 bits (faiss's scalar
quantizer).
"""

import functools
import io
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from kindred.search.lower_bounds import LowerBound

DISTANCES = ("l2", "cosine")  # which have cells: those of features, as there are few different probabilities
CELLS = 2  # times the square root of the number of images
PER_CELL = 40  # images of the sample; faiss warns below 39
MULTIPLE = 16  # of coordinates: at other widths faiss compares one coordinate at a time, 10 times slower


@dataclass(frozen=True)
class Cells:
    """The cells of a distance: `centroids` [c, w], and the `ranges` [2, w] of the coordinates (from, and how far)."""

    centroids: np.ndarray
    ranges: np.ndarray

    @functools.cached_property
    def quantizer(self) -> Any:
        """The centroids, to be searched by faiss."""
        import faiss

        quantizer = faiss.IndexFlatL2(self.centroids.shape[1])
        quantizer.add(self.centroids)
        return quantizer

    def nearest(self, points: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Squared distances and numbers of the nearest cells of points [n, w], [n, count] each."""
        import faiss

        faiss.omp_set_num_threads(1)
        distances, cells = self.quantizer.search(points, count)
        return distances, cells

    def of(self, side: np.ndarray) -> np.ndarray:
        """The cell [n] of each row of a gallery's side [n, s] of the product."""
        return self.nearest(gallery_points(side), 1)[1][:, 0].astype(np.int32)

    def lists(self, side: np.ndarray, cells: np.ndarray) -> Any:
        """The rows of a gallery's side [n, s] by their cell [n], in 8 bits, to be searched by faiss."""
        import faiss

        width = self.centroids.shape[1]
        bits = faiss.ScalarQuantizer.QT_8bit
        lists = faiss.IndexIVFScalarQuantizer(self.quantizer, width, len(self.centroids), bits, faiss.METRIC_L2, False)
        faiss.copy_array_to_vector(self.ranges.ravel(), lists.sq.trained)
        lists.is_trained = True
        points, numbers = gallery_points(side), np.ascontiguousarray(cells, np.int64)
        faiss.omp_set_num_threads(1)
        lists.add_core(len(points), faiss.swig_ptr(points), None, faiss.swig_ptr(numbers))
        return lists


def array(name: str) -> str:
    """The name of a shard's array with the cells of a distance."""
    return f"{name}-cells"


def gallery_points(side: np.ndarray) -> np.ndarray:
    """The points [n, w] of a gallery's side [n, s] of the product, which has their squared lengths as well."""
    return padded(side[:, :-1])


def padded(points: np.ndarray) -> np.ndarray:
    """Points with as many coordinates as faiss is quick with, the last ones 0, float32."""
    width = -(-points.shape[1] // MULTIPLE) * MULTIPLE
    wide = np.zeros((len(points), width), np.float32)
    wide[:, : points.shape[1]] = points
    return wide


def cell_count(images: int) -> int:
    """How many cells a gallery gets."""
    return max(1, CELLS * math.isqrt(images))


def fit(sample: np.ndarray, images: int, bounds: dict[str, LowerBound]) -> dict[str, Cells]:
    """The cells by distance for a gallery of so many images, from a sample [n, d] of their features."""
    return {name: _fit_one(padded(bounds[name].gallery_side(sample)[:, :-1]), images) for name in DISTANCES}


def _fit_one(points: np.ndarray, images: int) -> Cells:
    import faiss

    faiss.omp_set_num_threads(1)  # so that sums are the same on every machine
    count = min(cell_count(images), max(1, len(points) // PER_CELL))
    model = faiss.Kmeans(points.shape[1], count, niter=10, seed=0, max_points_per_centroid=2 * PER_CELL)
    model.train(points)
    low = points.min(axis=0)
    return Cells(np.asarray(model.centroids), np.stack([low, points.max(axis=0) - low]))


def to_bytes(cells: dict[str, Cells]) -> bytes:
    """Cells by distance as an .npz file."""
    arrays = {f"{name}-{part}": getattr(of, part) for name, of in cells.items() for part in ("centroids", "ranges")}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def from_bytes(content: bytes) -> dict[str, Cells]:
    """The cells in an .npz file, by distance."""
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        names = [name for name in DISTANCES if f"{name}-centroids" in arrays]
        return {name: Cells(arrays[f"{name}-centroids"], arrays[f"{name}-ranges"]) for name in names}
