"""Of the first 100, those come first whose keypoints fit the query's by a homography, most inliers first.

Distances stay the cosine distances, so they do not rise along the ranking. Source: J. Philbin et al., Object Retrieval
with Large Vocabularies and Fast Spatial Matching (CVPR 2007).
"""

from kindred.search import spatial_verification
from kindred.search.reranking import Gallery, Query, Ranking

NEEDS_KEYPOINTS = True


def rerank(query: Query, gallery: Gallery, ranking: Ranking) -> Ranking:
    return spatial_verification.verified_first(spatial_verification.compared(query, gallery, ranking), gallery)
