"""Keys of pairs in float32, read where the vectors lie, with a bound of their error: for the distances that state one.

A sum of d products in float32 is off by at most d u of the sum of their sizes, u = ROUNDING (N. Higham, Accuracy and
Stability of Numerical Algorithms, section 3.1); the bounds here are twice that, with 8 more for what is rounded around
the sum. Each function takes queries [b, d] and a gallery [n, d], both float32, pairs [m] of a row of each (`query` and
`row`), the lengths [n] of the features of the gallery's images, float64, and a number of threads.
"""

from collections.abc import Callable

import numpy as np

ROUNDING = 2.0**-24  # u of float32
MANY = 2**17  # pairs, from where on several threads are worth their start

Keys = tuple[np.ndarray, np.ndarray | float]  # of pairs [m], and by how much each may be off
Float32Keys = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, int], Keys]


def squared_l2(
    queries: np.ndarray, query: np.ndarray, gallery: np.ndarray, row: np.ndarray, lengths: np.ndarray, threads: int
) -> Keys:
    """|q - g|^2 of the vectors themselves."""
    keys = _compared("pairwise_indexed_L2sqr", queries, query, gallery, row, threads)
    return keys, keys * _relative_error(queries)


def squared_l2_of_directions(
    queries: np.ndarray, query: np.ndarray, gallery: np.ndarray, row: np.ndarray, lengths: np.ndarray, threads: int
) -> Keys:
    """|q / |q| - g / |g||^2 = 2 - 2 q.g / (|q| |g|) of features; 2 where one is zero."""
    products = _compared("pairwise_indexed_inner_product", queries, query, gallery, row, threads)
    both = np.linalg.norm(queries.astype(np.float64), axis=1)[query] * lengths[row]
    return 2 - 2 * np.divide(products, both, out=np.zeros(len(row)), where=both > 0), 2 * _relative_error(queries)


def _relative_error(queries: np.ndarray) -> float:
    return 2 * (queries.shape[1] + 8) * ROUNDING


def _compared(
    function: str, queries: np.ndarray, query: np.ndarray, gallery: np.ndarray, row: np.ndarray, threads: int
) -> np.ndarray:
    """A function of faiss for each pair, [m] float32."""
    import faiss

    faiss.omp_set_num_threads(threads if len(row) > MANY else 1)
    results = np.empty(len(row), np.float32)
    query, row = np.ascontiguousarray(query, np.int64), np.ascontiguousarray(row, np.int64)
    pointers = [faiss.swig_ptr(np.asarray(part)) for part in (queries, query, gallery, row, results)]
    getattr(faiss, function)(gallery.shape[1], len(row), *pointers)
    return results
