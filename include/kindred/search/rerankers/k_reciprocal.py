"""Candidates that share their reciprocal nearest neighbours with the query come first (see `reciprocal_neighbours`).

Distances are 0.3 times the cosine distance, over the greatest of the candidates, and 0.7 times Jaccard's.
"""

from kindred.search import reciprocal_neighbours
from kindred.search.reranking import Gallery, Query, Ranking

NEEDS_KEYPOINTS = False


def rerank(query: Query, gallery: Gallery, ranking: Ranking) -> Ranking:
    return reciprocal_neighbours.reranked(query, gallery, ranking)
