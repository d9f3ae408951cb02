"""The graph of nearest neighbours in feature space, and labels spread over it. In one process, and sparse throughout.

Sources: D. Zhou et al., Learning with Local and Global Consistency (NIPS 2003); weights and solver as in A. Iscen et
al., Label Propagation for Deep Semi-supervised Learning (CVPR 2019, section 3.2).
"""

import numpy as np
import scipy.sparse as sparse

from kindred.runtime.errors import InputError

NEIGHBOURS = 10
SHARPNESS = 3  # a neighbour's weight is its cosine to this power
FAR = 0.99  # of the way that a label goes on from each image to its neighbours: through whole clusters
NEAR = 0.9  # not far beyond the next images
TOLERANCE = 1e-6
STEPS = 100


def directions(features: np.ndarray, around: np.ndarray | None = None) -> np.ndarray:
    """Features [n, d] centred (on the mean [d], or `around`) and at length 1, float32: their inner products are cosines
    about it.
    """
    centre = features.mean(axis=0, dtype=np.float64) if around is None else around
    centred = features - centre.astype(np.float32)
    return centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12)


def nearest(gallery: np.ndarray, queries: np.ndarray, k: int, threads: int) -> tuple[np.ndarray, np.ndarray]:
    """The k rows of `gallery` with the greatest inner products for each query: products and rows, [queries, k].

    Exact. Raises InputError where k is above the number of rows.
    """
    import faiss

    if not 1 <= k <= len(gallery):
        raise InputError(f"k is {k}; there are {len(gallery):,} images to choose neighbours from")
    faiss.omp_set_num_threads(threads)
    index = faiss.IndexFlatIP(gallery.shape[1])
    index.add(np.ascontiguousarray(gallery, np.float32))
    return index.search(np.ascontiguousarray(queries, np.float32), k)


def graph(features: np.ndarray, threads: int, k: int = NEIGHBOURS) -> sparse.csr_matrix:
    """The symmetric, normalised affinities [n, n] of each image with its k nearest: D^-1/2 W D^-1/2, W without a
    diagonal.
    """
    n = len(features)
    vectors = directions(features)
    products, rows = nearest(vectors, vectors, min(k + 1, n), threads)
    others = rows != np.arange(n)[:, None]
    others[others.all(axis=1), -1] = False  # so many twins that an image is not among its own nearest
    weights = np.maximum(products[others], 0).astype(np.float64) ** SHARPNESS
    row_of = np.repeat(np.arange(n), rows.shape[1] - 1)
    directed = sparse.csr_matrix((weights, (row_of, rows[others])), shape=(n, n))
    affinities = directed.maximum(directed.T)
    roots = 1 / np.sqrt(np.maximum(np.asarray(affinities.sum(axis=1)).ravel(), 1e-12))
    return sparse.csr_matrix(sparse.diags(roots) @ affinities @ sparse.diags(roots))


def vote(features: np.ndarray, votes: np.ndarray, queries: np.ndarray, threads: int, k: int = NEIGHBOURS) -> np.ndarray:
    """The class shares [q, classes] in which the k images nearest to each query vote: of `features` [n, d] with their
    `votes` [n, classes], each weighted as in the graph; as if one more neighbour voted for all classes alike.
    """
    centre = features.mean(axis=0, dtype=np.float64)
    products, rows = nearest(directions(features, centre), directions(queries, centre), min(k, len(features)), threads)
    weights = np.maximum(products, 0).astype(np.float64) ** SHARPNESS
    found = np.einsum("qk,qkc->qc", weights, votes[rows]) + weights.mean(axis=1, keepdims=True) / votes.shape[1] + 1e-12
    return found / found.sum(axis=1, keepdims=True)


def spread(affinities: sparse.csr_matrix, seeds: np.ndarray, far: float = FAR) -> np.ndarray:
    """What reaches each image, [n, m], of what `seeds` [n, m] put in: (I - far * affinities)^-1 seeds, by conjugate
    gradients on all columns at once.
    """
    found = seeds.astype(np.float64)
    rest = far * (affinities @ found)
    way, size = rest.copy(), (rest * rest).sum(axis=0)
    enough = TOLERANCE**2 * (seeds * seeds).sum(axis=0)
    for _ in range(STEPS):
        if (size <= enough).all():
            break
        ahead = way - far * (affinities @ way)
        step = size / np.maximum((way * ahead).sum(axis=0), 1e-300)
        found += step * way
        rest -= step * ahead
        before, size = size, (rest * rest).sum(axis=0)
        way = rest + size / np.maximum(before, 1e-300) * way
    return np.maximum(found, 0)
