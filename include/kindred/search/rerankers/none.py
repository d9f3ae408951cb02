"""The order by cosine distance, as it is."""

from kindred.search.reranking import Gallery, Query, Ranking

NEEDS_KEYPOINTS = False


def rerank(query: Query, gallery: Gallery, ranking: Ranking) -> Ranking:
    return ranking
