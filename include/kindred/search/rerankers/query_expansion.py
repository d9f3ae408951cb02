"""Query expansion: the nearest images, weighted by their cosines, join the query, which searches again (see
`expansion`). Distances are cosine distances to the query so expanded.
"""

from kindred.search import expansion, reranking
from kindred.search.reranking import Gallery, Query, Ranking

NEEDS_KEYPOINTS = False
EXPANDED = 10  # images that join the query: A. Gordo et al., End-to-end Learning of Deep Visual Representations (2017)


def rerank(query: Query, gallery: Gallery, ranking: Ranking) -> Ranking:
    return reranking.nearest(expansion.expanded(query, gallery, ranking.rows[:EXPANDED]), gallery, len(ranking.rows))
