"""The first ranking, and what re-rankers consist of."""

from dataclasses import replace

import numpy as np
import pytest

from kindred.features.local_features import sift
from kindred.features.verification import Verified
from kindred.runtime.errors import InputError
from kindred.search import expansion, reciprocal_neighbours, reranking, spatial_verification
from kindred.search.rerankers import k_reciprocal, query_expansion, verified, verified_expansion
from kindred.search.reranking import ALONE, Gallery, Query, Ranking
from turned_pictures import at, gallery_at, query_at, textured, turned


def with_inliers(inliers: int) -> Verified:
    return Verified(inliers, np.eye(3), np.empty((inliers, 2), int))


def test_the_nearest_come_first_with_their_cosine_distances() -> None:
    ranking = reranking.nearest(query_at(0), gallery_at(90, 180, 60, 0), 3)

    assert ranking.rows.tolist() == [3, 2, 0]
    np.testing.assert_allclose(ranking.distances, [0, 0.5, 1], atol=1e-6)


def test_of_images_that_are_as_near_the_first_rows_come_first() -> None:
    assert reranking.nearest(query_at(0), gallery_at(50, 10, 50, 50, 50), 3).rows.tolist() == [1, 0, 2]


def test_a_small_gallery_is_ranked_as_a_whole() -> None:
    assert reranking.nearest(query_at(0), gallery_at(50, 10)).rows.tolist() == [1, 0]
    assert len(reranking.nearest(query_at(0), Gallery(np.empty((0, 2), np.float32))).rows) == 0


def test_vectors_of_another_length_are_refused() -> None:
    with pytest.raises(InputError, match="the query has 3 numbers, the gallery's vectors 2"):
        reranking.nearest(Query(np.ones(3, np.float32)), gallery_at(0))


def test_an_expanded_query_lies_between_the_images_that_join_it() -> None:
    gallery = gallery_at(40, 80)

    joined = expansion.expanded(query_at(0), gallery, np.array([0, 1]), alpha=0)
    weighted = expansion.expanded(query_at(0), gallery, np.array([0, 1]))

    np.testing.assert_allclose(joined.vector, at(40)[0], atol=1e-6)
    assert 0 < np.rad2deg(np.arctan2(*weighted.vector[::-1])) < 40
    np.testing.assert_allclose(expansion.expanded(query_at(0), gallery, np.array([], int)).vector, at(0)[0], atol=1e-6)


def test_query_expansion_follows_a_chain_of_images() -> None:
    query, gallery = query_at(0), gallery_at(*[25] * 9, -55, 60)

    before = reranking.nearest(query, gallery)
    after = query_expansion.rerank(query, gallery, before)

    assert before.rows[-2:].tolist() == [9, 10]
    assert after.rows[-2:].tolist() == [10, 9]


def test_reciprocal_neighbours_are_each_others() -> None:
    neighbours = np.array([[0, 1, 2], [1, 2, 0], [2, 1, 0]])

    assert reciprocal_neighbours.reciprocal(neighbours, 1).toarray().tolist() == [[1, 0, 0], [0, 1, 1], [0, 1, 1]]


def test_jaccard_distance_is_what_encodings_do_not_share() -> None:
    encoded = reciprocal_neighbours.sparse.csr_array([[0.5, 0.5, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0, 1]])

    np.testing.assert_allclose(reciprocal_neighbours.jaccard_distances(encoded), [0, 2 / 3, 1])


def reference(distances: np.ndarray, k1: int, k2: int, share: float) -> np.ndarray:
    """Zhong et al.'s procedure, loop by loop: the distances of the first of n images to the others, [n - 1]."""
    count, scaled = len(distances), distances / distances.max(axis=1, keepdims=True)
    order = scaled.argsort(axis=1)

    def mutual(image: int, k: int) -> set[int]:
        return {int(other) for other in order[image, : k + 1] if image in order[other, : k + 1]}

    encoded = np.zeros((count, count))
    for image in range(count):
        members = own = mutual(image, k1)
        for other in own:
            half = mutual(other, round(k1 / 2))
            if len(half & own) > 2 / 3 * len(half):
                members = members | half
        chosen = sorted(members)
        weights = np.exp(-scaled[image, chosen])
        encoded[image, chosen] = weights / weights.sum()
    encoded = np.stack([encoded[order[image, :k2]].mean(axis=0) for image in range(count)])
    shared = np.minimum(encoded[0], encoded[1:]).sum(axis=1)
    return share * scaled[0, 1:] + (1 - share) * (1 - shared / (2 - shared))


def test_distances_by_reciprocal_neighbours_are_those_of_the_papers_procedure() -> None:
    rng = np.random.default_rng(0)
    vectors = (rng.normal(size=(5, 6))[rng.integers(0, 5, 90)] + 0.4 * rng.normal(size=(90, 6))).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    query, gallery = Query(vectors[0]), Gallery(vectors[1:])
    pairwise = 1 - vectors.astype(float) @ vectors.T
    np.fill_diagonal(pairwise, 0)

    ranking = k_reciprocal.rerank(query, gallery, reranking.nearest(query, gallery))

    expected = reference(pairwise, reciprocal_neighbours.K1, reciprocal_neighbours.K2, share=0.3)
    np.testing.assert_allclose(ranking.distances, expected[ranking.rows], atol=1e-5)


def test_images_that_share_the_querys_neighbours_come_before_a_nearer_one_of_another_group() -> None:
    rng = np.random.default_rng(0)
    own, other = rng.normal(0, 3, 22), rng.normal(40, 3, 60)
    query, gallery = query_at(18), gallery_at(*own, *other)

    before = reranking.nearest(query, gallery)
    after = k_reciprocal.rerank(query, gallery, before)

    assert (after.rows[:22] < 22).sum() >= (before.rows[:22] < 22).sum()
    assert sorted(after.rows) == list(range(82))
    assert (np.diff(after.distances) >= 0).all()


def test_rows_beyond_the_candidates_keep_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reciprocal_neighbours, "CANDIDATES", 30)
    degrees = np.linspace(1, 80, 50)

    after = k_reciprocal.rerank(query_at(0), gallery_at(*degrees), reranking.nearest(query_at(0), gallery_at(*degrees)))

    assert after.rows[30:].tolist() == list(range(30, 50))
    assert (after.distances[30:] > 0.7).all()


def test_verified_images_come_first_by_their_inliers() -> None:
    inliers = {5: with_inliers(12), 6: with_inliers(7), 8: with_inliers(30)}

    before = Ranking(np.array([4, 5, 6, 7, 8]), np.arange(5.0), inliers)
    ranking = spatial_verification.verified_first(before, gallery_at(0))

    assert ranking.rows.tolist() == [8, 5, 4, 6, 7]
    assert ranking.distances.tolist() == [4, 1, 0, 2, 3]
    assert spatial_verification.verified_rows(inliers, gallery_at(0)).tolist() == [5, 8]


def test_images_of_the_same_group_come_behind_the_verified_ones() -> None:
    before = Ranking(np.array([4, 5, 6, 7, 8]), np.arange(5.0), {5: with_inliers(12)})

    ranking = spatial_verification.verified_first(before, gallery_at(0), np.array([5, 7]))

    assert ranking.rows.tolist() == [5, 7, 4, 6, 8]


def test_a_gallery_s_own_threshold_counts() -> None:
    gallery = replace(gallery_at(0), min_inliers=13)

    assert spatial_verification.verified_rows({5: with_inliers(12), 8: with_inliers(13)}, gallery).tolist() == [8]


def test_rows_of_the_same_thing_are_those_of_their_groups() -> None:
    gallery = replace(gallery_at(0, 1, 2, 3, 4), groups=np.array([0, ALONE, 0, ALONE, 1]))

    assert gallery.of_the_same(np.array([2])).tolist() == [0, 2]
    assert gallery.of_the_same(np.array([1])).tolist() == [1]
    assert gallery_at(0, 1).of_the_same(np.array([1])).tolist() == [1]


def test_verified_expansion_finds_what_a_group_shows_though_it_is_no_candidate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spatial_verification, "CANDIDATES", 2)
    seen, _ = turned(textured(0), 20, 0.9)
    keypoints = {row: sift.keypoints(textured(row)) for row in range(1, 4)} | {0: sift.keypoints(seen)}
    query = query_at(0, sift.keypoints(textured(0)))
    gallery = replace(gallery_at(5, 10, 40, 80, keypoints=keypoints), groups=np.array([0, ALONE, ALONE, 0]))

    ranking = verified_expansion.rerank(query, gallery, reranking.nearest(query, gallery))

    assert ranking.rows.tolist()[:2] == [0, 3]


def test_an_image_of_the_same_thing_is_found_by_its_keypoints() -> None:
    seen, _ = turned(textured(0), 20, 0.9)
    keypoints = {row: sift.keypoints(textured(row)) for row in range(1, 4)} | {0: sift.keypoints(seen)}
    query, gallery = query_at(0, sift.keypoints(textured(0))), gallery_at(50, 10, 20, 30, keypoints=keypoints)

    ranking = verified.rerank(query, gallery, reranking.nearest(query, gallery))

    assert ranking.rows.tolist() == [0, 1, 2, 3]
    assert ranking.verified[0].inliers > 30
    assert ranking.verified.keys() == {0, 1, 2, 3}


def test_what_is_like_a_verified_image_is_found_by_expansion() -> None:
    seen, _ = turned(textured(0), 20, 0.9)
    far = (-35, -38, -41)
    query = query_at(0, sift.keypoints(textured(0)))
    gallery = gallery_at(40, *far, 62, 64, keypoints={0: sift.keypoints(seen)})

    before = reranking.nearest(query, gallery)
    after = verified_expansion.rerank(query, gallery, before)

    assert before.rows.tolist() == [1, 2, 0, 3, 4, 5]
    assert after.rows.tolist()[:3] == [0, 4, 5]


def test_where_nothing_is_verified_the_order_stays() -> None:
    query = query_at(0, sift.keypoints(textured(0)))
    gallery = gallery_at(10, 20, 30, keypoints={row: sift.keypoints(textured(row + 1)) for row in range(3)})

    before = reranking.nearest(query, gallery)

    assert verified_expansion.rerank(query, gallery, before).rows.tolist() == before.rows.tolist()


def test_images_are_compared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    keypoints = {row: sift.keypoints(textured(row, 128)) for row in range(3)}
    query, gallery = query_at(0, keypoints[0]), gallery_at(5, 10, 15, keypoints=keypoints)
    calls: list[int] = []
    counted = spatial_verification.verification.verify
    monkeypatch.setattr(spatial_verification.verification, "verify", lambda *pair: calls.append(1) or counted(*pair))

    verified_expansion.rerank(query, gallery, reranking.nearest(query, gallery))

    assert len(calls) == 3
