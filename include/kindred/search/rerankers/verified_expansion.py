"""Verified images, and those of which the gallery's own groups say that they show the same, join the query, which
searches again; what it finds is verified too, and re-ranked by reciprocal neighbours: the verified ones first, then
those of their groups. Where nothing is verified, the order stays: a query with few relevant images loses by its
neighbours.

Distances are those of `k_reciprocal` to the expanded query, and do not rise along the ranking. Source: O. Chum et al.,
Total Recall: Automatic Query Expansion with a Generative Feature Model for Object Retrieval (ICCV 2007): images that
are verified weigh as much as the query.
"""

from kindred.search import expansion, reciprocal_neighbours, reranking, spatial_verification
from kindred.search.reranking import Gallery, Query, Ranking

NEEDS_KEYPOINTS = True
ALPHA = 0.0  # of the verified images' weights: all alike


def rerank(query: Query, gallery: Gallery, ranking: Ranking) -> Ranking:
    first = spatial_verification.compared(query, gallery, ranking)
    verified = spatial_verification.verified_rows(first.verified, gallery)
    if not len(verified):
        return first
    same = gallery.of_the_same(verified)
    expanded = expansion.expanded(query, gallery, same, ALPHA)
    again = reranking.nearest(expanded, gallery, len(ranking.rows))
    checked = spatial_verification.compared(query, gallery, Ranking(again.rows, again.distances, first.verified))
    reranked = reciprocal_neighbours.reranked(expanded, gallery, checked)
    return spatial_verification.verified_first(reranked, gallery, same)
