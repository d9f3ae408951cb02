"""The nearest and the farthest images of a query, against brute force."""

import numpy as np
import pytest

from kindred import distances
from kindred.errors import InputError
from kindred.search import Index, open_index


def index(count: int = 50) -> Index:
    random = np.random.default_rng(0)
    ids = np.array([f"{i:03d}" for i in range(count)], dtype=object)
    features = random.normal(size=(count, 4)).astype(np.float32)
    return Index(ids, features, random.dirichlet(np.ones(3), count).astype(np.float32), ["a", "b", "c"])


def line(*places: float) -> Index:
    """Images on a line, named a, b, c ..."""
    ids = np.array([chr(ord("a") + i) for i in range(len(places))], dtype=object)
    return Index(ids, np.array(places, np.float32)[:, None], np.ones((len(places), 1), np.float32), ["only"])


@pytest.mark.parametrize("name", distances.DISTANCES)
@pytest.mark.parametrize("farthest", [False, True])
@pytest.mark.parametrize("k", [1, 7, 50])
def test_neighbours_are_those_of_brute_force(name: str, farthest: bool, k: int) -> None:
    gallery = index()
    kind, measure = distances.distance(name)
    query = getattr(gallery, kind)[20]

    found = gallery.neighbours(query, name, k, farthest)

    pairs = zip(gallery.ids, measure(query, getattr(gallery, kind)), strict=True)
    wanted = sorted(pairs, key=lambda pair: (-pair[1] if farthest else pair[1], pair[0]))[:k]
    assert [image_id for image_id, _ in found] == [image_id for image_id, _ in wanted]
    np.testing.assert_allclose([d for _, d in found], [d for _, d in wanted])


def test_an_image_is_its_own_nearest_neighbour() -> None:
    gallery = index()

    assert gallery.neighbours(gallery.features[3], "l2", 1) == [("003", 0.0)]


def test_ties_are_broken_by_id() -> None:
    gallery = line(1, -1, 1, -1, 5, 1)

    found = gallery.neighbours(np.zeros(1, np.float32), "l2", 3)

    assert found == [("a", 1.0), ("b", 1.0), ("c", 1.0)]


def test_ties_among_the_farthest_are_broken_by_id_too() -> None:
    gallery = line(0, 2, -2, 1, 2)

    found = gallery.neighbours(np.zeros(1, np.float32), "l2", 2, farthest=True)

    assert found == [("b", 2.0), ("c", 2.0)]


@pytest.mark.parametrize("farthest", [False, True])
def test_ties_are_broken_by_id_among_many_too(farthest: bool) -> None:
    places = np.random.default_rng(0).integers(0, 4, 1000)
    gallery = Index(
        np.array([f"{i:03d}" for i in range(1000)], dtype=object), places[:, None], places[:, None], ["only"]
    )

    found = gallery.neighbours(np.zeros(1), "l2", 400, farthest)

    wanted = sorted(range(1000), key=lambda i: (-places[i] if farthest else places[i], i))[:400]
    assert [int(image_id) for image_id, _ in found] == wanted


@pytest.mark.parametrize("k", [0, -1, 51])
def test_a_k_that_cannot_be_is_refused(k: int) -> None:
    with pytest.raises(InputError, match=f"k is {k}; the index has 50 images"):
        index().neighbours(np.zeros(4), "l2", k)


@pytest.mark.parametrize("query", [np.zeros(3), np.zeros(5), np.zeros((1, 4))])
def test_a_query_of_another_size_is_refused(query: np.ndarray) -> None:
    with pytest.raises(InputError, match=f"the query has {query.size} features, the index 4"):
        index().neighbours(query, "l2", 1)


def test_an_empty_index_says_so() -> None:
    with pytest.raises(InputError, match="the index is empty"):
        index(0).neighbours(np.zeros(4), "l2", 1)


def test_an_unknown_distance_is_refused() -> None:
    with pytest.raises(InputError, match="unknown distance 'l3'"):
        index().neighbours(np.zeros(4), "l3", 1)


def test_a_run_without_an_index_says_what_to_run(tmp_path) -> None:
    with pytest.raises(InputError, match="run the 'build_index' stage first"):
        open_index(f"file://{tmp_path}")
