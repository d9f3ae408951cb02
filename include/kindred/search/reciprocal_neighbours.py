"""Re-ranking by k-reciprocal neighbours: images are alike that are among each other's nearest, and share these.

Each candidate and the query get the set of their k1 nearest candidates that have them among their own k1 nearest, with
the like sets of half the size of those in it. It is encoded as weights, averaged over the k2 nearest, and compared with
Jaccard's distance. Candidates alone are looked at: what a query needs does not grow with the gallery.

Source: Z. Zhong et al., Re-ranking Person Re-identification with k-reciprocal Encoding (CVPR 2017); lambda and the
share of two thirds are the paper's. Its k1 of 20 and k2 of 6 are halved: on training images of flowers they lost first
matches where each query had three images to find. Different too: a query is looked at alone, so that its answer does
not depend on which others are asked at the same time; the paper's has all queries as neighbours.
"""

import numpy as np
import scipy.sparse as sparse

from kindred.search.reranking import Gallery, Query, Ranking

K1 = 10  # nearest candidates, of which the reciprocal ones are kept
K2 = 3  # nearest candidates whose encodings are averaged
LAMBDA = 0.3  # the share of the cosine distance; the rest is Jaccard's
MIN_OVERLAP = 2 / 3  # of a set of half the size with the set that it is added to
CANDIDATES = 1000  # of a ranking, at most, that are re-ranked


def reranked(query: Query, gallery: Gallery, ranking: Ranking) -> Ranking:
    """The ranking with its first CANDIDATES by `LAMBDA` times their cosine distance, over the greatest one among them,
    and the rest Jaccard's; the further rows share nothing with the query, so that their Jaccard distance is 1.
    """
    first = ranking.rows[:CANDIDATES]
    if not len(first):
        return ranking
    vectors = np.vstack([query.vector[None], gallery.vectors[first]])
    pairwise = np.maximum(1 - vectors @ vectors.T, 0).astype(np.float64)
    np.fill_diagonal(pairwise, 0)
    jaccard = np.ones(len(ranking.rows))
    jaccard[: len(first)] = jaccard_distances(encodings(pairwise))
    cosine = np.maximum(1 - gallery.vectors[ranking.rows] @ query.vector, 0).astype(np.float64)
    distances = LAMBDA * cosine / max(cosine[: len(first)].max(), 1e-12) + (1 - LAMBDA) * jaccard
    order = np.argsort(distances, kind="stable")
    return Ranking(ranking.rows[order], distances[order], ranking.verified)


def encodings(distances: np.ndarray) -> sparse.csr_array:
    """The encodings [n, n] of n images, whose rows sum to 1, by their distances [n, n]."""
    own_first = distances.copy()
    np.fill_diagonal(own_first, -1)  # also before images with the same vector
    neighbours = np.argsort(own_first, axis=1, kind="stable")
    whole = reciprocal(neighbours, K1)
    half = reciprocal(neighbours, round(K1 / 2))
    overlap = (whole @ half.T).multiply(whole).tocoo()  # of i's set with the set of half the size of j in it
    sizes = half.sum(axis=1)
    added = overlap.data > MIN_OVERLAP * sizes[overlap.col]
    joined = sparse.csr_array((np.ones(added.sum()), (overlap.row[added], overlap.col[added])), whole.shape)
    members = (whole + joined @ half).tocoo()
    scale = np.maximum(distances.max(axis=1), 1e-12)
    weights = np.exp(-distances[members.row, members.col] / scale[members.row])
    weighted = sparse.csr_array((weights, (members.row, members.col)), whole.shape)
    encoded = sparse.diags_array(1 / weighted.sum(axis=1)) @ weighted
    return sparse.csr_array(nearest_of(neighbours, K2) @ encoded / min(K2, len(neighbours)))


def nearest_of(neighbours: np.ndarray, k: int) -> sparse.csr_array:
    """1 in [i, j] where j is among the first k of row i of `neighbours` [n, n], nearest first."""
    count, k = len(neighbours), min(k, len(neighbours))
    rows = np.repeat(np.arange(count), k)
    return sparse.csr_array((np.ones(count * k), (rows, neighbours[:, :k].ravel())), (count, count))


def reciprocal(neighbours: np.ndarray, k: int) -> sparse.csr_array:
    """1 in [i, j] where each of i and j is itself, or among the k nearest others of the other; see `nearest_of`."""
    among = nearest_of(neighbours, k + 1)
    return sparse.csr_array(among.multiply(among.T))


def jaccard_distances(encoded: sparse.csr_array) -> np.ndarray:
    """Jaccard's distances [n - 1] of the first row of encodings [n, n], whose rows sum to 1, to the others."""
    query = encoded[[0]]
    shared = np.minimum(encoded[1:][:, query.indices].toarray(), query.data).sum(axis=1)
    return np.asarray(1 - shared / (2 - shared))
