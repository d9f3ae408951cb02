"""The four distances of the search. Smaller is nearer."""

import numpy as np
import pytest

from kindred import distances
from kindred.errors import InputError


def test_l2_is_euclidean() -> None:
    found = distances.l2(np.array([0.0, 0.0]), np.array([[3.0, 4.0], [0.0, 0.0], [-1.0, 0.0]]))

    np.testing.assert_allclose(found, [5, 0, 1])


def test_l2_does_not_overflow_small_types() -> None:
    assert distances.l2(np.array([0], np.uint8), np.array([[255]], np.uint8)).tolist() == [255]


def test_cosine_goes_from_0_for_the_same_direction_to_2_for_the_opposite_one() -> None:
    found = distances.cosine(np.array([1.0, 0.0]), np.array([[5.0, 0.0], [0.0, 1.0], [-2.0, 0.0], [1.0, 1.0]]))

    np.testing.assert_allclose(found, [0, 1, 2, 1 - np.sqrt(0.5)], atol=1e-12)


def test_the_cosine_of_a_zero_vector_is_1() -> None:
    assert distances.cosine(np.array([1.0]), np.array([[0.0]])).tolist() == [1]
    assert distances.cosine(np.array([0.0]), np.array([[1.0]])).tolist() == [1]


def test_kullback_leibler_is_of_the_query_from_the_row() -> None:
    query, gallery = np.array([0.5, 0.5]), np.array([[0.5, 0.5], [0.25, 0.75]])

    found = distances.kullback_leibler(query, gallery)

    expected = 0.5 * np.log(0.5 / 0.25) + 0.5 * np.log(0.5 / 0.75)
    np.testing.assert_allclose(found, [0, expected], atol=1e-5)


def test_kullback_leibler_is_not_symmetric() -> None:
    one, other = np.array([0.9, 0.1]), np.array([0.5, 0.5])

    there, back = (distances.kullback_leibler(a, b[None])[0] for a, b in ((one, other), (other, one)))

    assert there != pytest.approx(back, abs=0.1)


def test_kullback_leibler_stays_finite_where_a_class_is_impossible() -> None:
    found = distances.kullback_leibler(np.array([1.0, 0.0]), np.array([[0.0, 1.0], [1.0, 0.0]]))

    assert np.isfinite(found).all()
    assert found[0] > 10
    assert found[1] == pytest.approx(0)


@pytest.mark.parametrize("name", distances.DISTANCES)
def test_a_distance_is_never_negative_and_least_to_itself(name: str) -> None:
    vectors = np.random.default_rng(0).dirichlet(np.ones(5), 20).astype(np.float32)
    _, measure = distances.distance(name)

    for i, query in enumerate(vectors):
        found = measure(query, vectors)

        assert found.shape == (20,)
        assert found.min() >= -1e-12
        assert found.argmin() == i


def test_an_unknown_distance_is_named_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="unknown distance 'l1'; known: l2, cosine, probability_l2, kullback_leibler"):
        distances.distance("l1")
