"""What every re-ranker promises."""

import numpy as np
import pytest

from kindred.features.local_features import sift
from kindred.runtime import variants
from kindred.runtime.errors import InputError
from kindred.search import reranking
from kindred.search.reranking import Gallery, Query, Ranking
from turned_pictures import at, gallery_at, no_keypoints, query_at, textured

NAMES = variants.names("reranker")
NEEDY = [name for name in NAMES if variants.load("reranker", name).NEEDS_KEYPOINTS]


def reranked(name: str, query: Query, gallery: Gallery) -> Ranking:
    return variants.load("reranker", name).rerank(query, gallery, reranking.nearest(query, gallery))


@pytest.mark.parametrize("name", NAMES)
def test_a_re_ranker_gives_each_row_once_and_the_same_again(name: str) -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(60, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    keypoints = {row: sift.keypoints(textured(row, 128)) for row in range(3)}
    query, gallery = Query(vectors[0], keypoints[0]), Gallery(vectors, keypoints.get)

    one, other = reranked(name, query, gallery), reranked(name, query, gallery)

    assert variants.load("reranker", name).__doc__
    assert sorted(one.rows) == list(range(60))
    assert one.rows[0] == 0
    assert np.isfinite(one.distances).all()
    assert one.rows.dtype.kind == "i"
    np.testing.assert_array_equal(one.rows, other.rows)
    np.testing.assert_array_equal(one.distances, other.distances)
    assert bool(one.verified) == (name in NEEDY)


@pytest.mark.parametrize("keypoints", [None, no_keypoints()], ids=["unknown", "none"])
@pytest.mark.parametrize("degrees", [(10,), (20, 10), (5,) * 30, (0, 180), (90,) * 3], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_small_galleries_and_images_that_are_all_alike_are_ranked(name: str, degrees: tuple, keypoints: object) -> None:
    rows = dict.fromkeys(range(0, 30, 2), no_keypoints())

    ranking = reranked(name, Query(at(0)[0], keypoints), gallery_at(*degrees, keypoints=rows))

    assert sorted(ranking.rows) == list(range(len(degrees)))
    assert np.isfinite(ranking.distances).all()
    if len(set(degrees)) == 1:
        assert ranking.rows.tolist() == list(range(len(degrees)))


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_gallery_gives_an_empty_ranking(name: str) -> None:
    assert len(reranked(name, query_at(0), Gallery(np.empty((0, 2), np.float32), {}.get)).rows) == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_gallery_without_local_features_is_refused_by_those_that_need_them(name: str) -> None:
    query, gallery = query_at(0), Gallery(at(10, 20))

    if name in NEEDY:
        with pytest.raises(InputError, match="no local features"):
            reranked(name, query, gallery)
    else:
        assert sorted(reranked(name, query, gallery).rows) == [0, 1]
