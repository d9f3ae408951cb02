"""The graph of nearest neighbours in feature space, and labels spread over it. In one process, and sparse throughout.

Sources: D. Zhou et al., Learning with Local and Global Consistency (NIPS 2003); weights and solver as in A. Iscen et
al., Label Propagation for Deep Semi-supervised Learning (CVPR 2019, section 3.2).
"""

from pathlib import Path

import numpy as np
import scipy.sparse as sparse

from kindred.features import approximate_neighbours
from kindred.runtime import runs, storage
from kindred.runtime.errors import InputError

NEIGHBOURS = 10  # of each image in the graph
WEIGHT_EXPONENT = 3  # gamma of Iscen et al.: a neighbour's weight is its cosine to this power
ALPHA = 0.99  # of Zhou et al.: the share of its label that an image passes on; so near to 1 it crosses whole clusters
LOCAL_ALPHA = 0.9  # a label hardly goes beyond the next images
TOLERANCE = 1e-6  # of the solver: the residual's length over that of the right side
MAX_ITERATIONS = 100
EXACT_IMAGES = 12_000  # up to here an exact search for all neighbours is no slower
RECALL_IMAGES = 256  # for which all true neighbours are found
RECALL_BLOCK = 2**16  # images that are compared with them at a time


def unit_vectors(features: np.ndarray, centre: np.ndarray | None = None) -> np.ndarray:
    """Features [n, d] less their `centre` [d] (by default their mean) and divided by their length, float32: inner
    products are cosines about the centre.
    """
    centre = features.mean(axis=0, dtype=np.float64) if centre is None else centre
    centred = features - centre.astype(np.float32)
    return centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12)


def nearest(gallery: np.ndarray, queries: np.ndarray, k: int, threads: int) -> tuple[np.ndarray, np.ndarray]:
    """The k rows of `gallery` [n, d] with the greatest inner products for each query [q, d]: products and rows, [q, k].

    Exact. Raises InputError where k is above the number of rows.
    """
    import faiss

    if not 1 <= k <= len(gallery):
        raise InputError(f"k is {k}; there are {len(gallery):,} images to choose neighbours from")
    faiss.omp_set_num_threads(threads)
    vectors, asked = (np.ascontiguousarray(values, np.float32) for values in (gallery, queries))
    products, rows = faiss.knn(asked, vectors, k, metric=faiss.METRIC_INNER_PRODUCT)
    return products, rows


def graph(
    features: np.ndarray, threads: int, k: int = NEIGHBOURS, codes: np.ndarray | None = None
) -> sparse.csr_matrix:
    """The symmetric, normalised affinities [n, n] of each image with its k nearest: D^-1/2 W D^-1/2, W without a
    diagonal. Of more than EXACT_IMAGES a few of the nearest are missed, see `recall`; `codes` are then what
    `approximate_neighbours.reduced` makes of the features.

    >>> graph(np.array([[0.0, 1], [0, 2], [5, 0], [6, 0]]), threads=1, k=1).toarray().round(3)
    array([[0., 1., 0., 0.],
           [1., 0., 0., 0.],
           [0., 0., 0., 1.],
           [0., 0., 1., 0.]])
    """
    n = len(features)
    if n <= EXACT_IMAGES:
        vectors = unit_vectors(features)
        products, rows = nearest(vectors, vectors, min(k + 1, n), threads)
    else:
        codes = approximate_neighbours.reduced(features) if codes is None else codes
        products, rows = approximate_neighbours.nearest(features, codes, k + 1, threads)
    others = rows != np.arange(n)[:, None]
    others[others.all(axis=1), -1] = False  # so many twins that an image is not among its own nearest
    weights = np.maximum(products[others], 0).astype(np.float64) ** WEIGHT_EXPONENT
    row_of = np.nonzero(others)[0]
    directed = sparse.csr_matrix((weights, (row_of, rows[others])), shape=(n, n))
    affinities = directed.maximum(directed.T)
    roots = 1 / np.sqrt(np.maximum(np.asarray(affinities.sum(axis=1)).ravel(), 1e-12))
    return sparse.csr_matrix(sparse.diags(roots) @ affinities @ sparse.diags(roots))


def recall(features: np.ndarray, affinities: sparse.csr_matrix, threads: int, k: int = NEIGHBOURS) -> float:
    """The share of the k nearest, of a sample of the images, that are linked in their graph.

    >>> points = np.random.default_rng(0).normal(size=(50, 4))
    >>> recall(points, graph(points, threads=1), threads=1)
    1.0
    """
    n, k = len(features), min(k, len(features) - 1)
    centre = features.mean(axis=0, dtype=np.float64)
    sample = np.arange(0, n, max(1, n // RECALL_IMAGES))
    queries, best = unit_vectors(features[sample], centre), []
    for start in range(0, n, RECALL_BLOCK):
        block = unit_vectors(features[start : start + RECALL_BLOCK], centre)
        products, rows = nearest(block, queries, min(k + 1, len(block)), threads)
        best.append((products, rows + start))
    products, rows = (np.concatenate(parts, axis=1) for parts in zip(*best, strict=True))
    products[rows == sample[:, None]] = -np.inf
    true = np.take_along_axis(rows, np.argsort(-products, axis=1, kind="stable")[:, :k], axis=1)
    edges = [affinities.indices[slice(*affinities.indptr[row : row + 2])] for row in sample]
    return float(np.mean([np.isin(own, linked).mean() for own, linked in zip(true, edges, strict=True)]))


def cache_file(features: str) -> Path:
    """The file that keeps the graph of some features (their attempt's name), made by this code."""
    name = storage.fingerprint(features, *map(storage.file_fingerprint, (__file__, approximate_neighbours.__file__)))
    return runs.cache_folder("neighbours") / f"{name}.npz"


def vote(features: np.ndarray, votes: np.ndarray, queries: np.ndarray, threads: int, k: int = NEIGHBOURS) -> np.ndarray:
    """Class shares [q, classes]: how the k images nearest to each query vote, of `features` [n, d] with their `votes`
    [n, classes], each weighted as in the graph; as if one more neighbour voted for all classes alike.

    >>> shares = vote(np.array([[1.0, 0], [0, 1]]), np.eye(2), np.array([[2.0, 0]]), threads=1)
    >>> shares.argmax(axis=1), shares.sum(axis=1)
    (array([0]), array([1.]))
    """
    centre = features.mean(axis=0, dtype=np.float64)
    gallery, vectors = unit_vectors(features, centre), unit_vectors(queries, centre)
    products, rows = nearest(gallery, vectors, min(k, len(features)), threads)
    weights = np.maximum(products, 0).astype(np.float64) ** WEIGHT_EXPONENT
    prior = weights.mean(axis=1, keepdims=True) / votes.shape[1]
    shares = np.einsum("qk,qkc->qc", weights, votes[rows]) + prior + 1e-12
    return shares / shares.sum(axis=1, keepdims=True)


def spread(affinities: sparse.csr_matrix, seeds: np.ndarray, alpha: float = ALPHA) -> np.ndarray:
    """What `seeds` [n, m] become when each image passes the share `alpha` on to its neighbours, again and again,
    [n, m]: (I - alpha * affinities)^-1 seeds, by conjugate gradients on all columns at once.
    """
    solution = seeds.astype(np.float64)
    residual = alpha * (affinities @ solution)
    direction, square = residual.copy(), (residual * residual).sum(axis=0)
    enough = TOLERANCE**2 * (seeds * seeds).sum(axis=0)
    for _ in range(MAX_ITERATIONS):
        if (square <= enough).all():
            break
        product = direction - alpha * (affinities @ direction)
        step = square / np.maximum((direction * product).sum(axis=0), 1e-300)
        solution += step * direction
        residual -= step * product
        before, square = square, (residual * residual).sum(axis=0)
        direction = residual + square / np.maximum(before, 1e-300) * direction
    return np.maximum(solution, 0)
