"""The distances of the search. Smaller is nearer."""

import numpy as np
import pytest

from kindred.runtime.errors import InputError
from kindred.search import distances
from kindred.search.distances import SMOOTHING, distance

NAMES = list(distances.DISTANCES)


def of(name: str, query: list[float], *rows: list[float]) -> np.ndarray:
    """Of one query from some rows, which both ways of computing it must agree on."""
    product = distance(name).between(np.array([query]), np.array(rows))[0]
    pairs = distance(name).value(distance(name).keys(np.array([query] * len(rows)), np.array(rows)))
    np.testing.assert_allclose(product, pairs, atol=1e-7)
    return pairs


@pytest.mark.parametrize("name", ["l2", "probability_l2"])
def test_l2_is_euclidean(name: str) -> None:
    assert of(name, [0, 0], [3, 4], [0, 0], [-1, 0]).tolist() == [5, 0, 1]


def test_l2_does_not_overflow_small_types() -> None:
    query, row = np.array([[0]], np.uint8), np.array([[255]], np.uint8)

    assert distance("l2").between(query, row).tolist() == [[255]]
    assert distance("l2").keys(query, row).tolist() == [255**2]


def test_cosine_goes_from_0_for_the_same_direction_to_2_for_the_opposite_one() -> None:
    values = of("cosine", [1, 0], [5, 0], [0, 1], [-2, 0], [1, 1])

    np.testing.assert_allclose(values, [0, 1, 2, 1 - np.sqrt(0.5)], atol=1e-12)


def test_a_zero_vector_has_no_direction_and_so_its_cosine_distance_is_1() -> None:
    assert of("cosine", [1], [0]).tolist() == [1]
    assert of("cosine", [0], [1], [0]).tolist() == [1, 1]


def test_kullback_leibler_is_of_the_query_from_the_row() -> None:
    values = of("kullback_leibler", [0.5, 0.5], [0.5, 0.5], [0.25, 0.75])

    expected = 0.5 * np.log(0.5 / 0.25) + 0.5 * np.log(0.5 / 0.75)
    assert values[0] == 0
    assert values[1] == pytest.approx(expected, abs=1e-5)


def test_of_several_labels_the_divergences_of_the_classes_are_summed() -> None:
    values = of("binary_kullback_leibler", [0.5, 0.5], [0.5, 0.5], [0.25, 0.5], [0.25, 0.75], [0.05, 0.05])

    one = 0.5 * np.log(0.5 / 0.25) + 0.5 * np.log(0.5 / 0.75)
    assert values[:3] == pytest.approx([0, one, 2 * one], abs=1e-5)
    assert values[3] > 1  # though one class is as probable as the other in both


def test_a_distance_is_for_one_label_an_image_or_for_several_or_both() -> None:
    both = ["l2", "cosine", "probability_l2"]

    assert list(distances.fitting(several=False)) == [*both, "kullback_leibler"]
    assert list(distances.fitting(several=True)) == [*both, "binary_kullback_leibler"]


def test_kullback_leibler_is_not_symmetric() -> None:
    there, back = of("kullback_leibler", [0.9, 0.1], [0.5, 0.5]), of("kullback_leibler", [0.5, 0.5], [0.9, 0.1])

    assert there[0] != pytest.approx(back[0], abs=0.1)


def test_kullback_leibler_stays_finite_where_a_class_is_impossible() -> None:
    values = of("kullback_leibler", [1, 0], [0, 1], [1, 0])

    assert values[0] == pytest.approx(np.log((1 + SMOOTHING) / SMOOTHING), abs=1e-4)
    assert values[1] == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_distance_is_never_negative_and_0_to_itself(name: str) -> None:
    vectors = np.random.default_rng(0).dirichlet(np.ones(5), 20).astype(np.float32)

    values = distance(name).between(vectors, vectors)

    assert values.shape == (20, 20)
    assert values.min() >= 0
    assert values.argmin(axis=1).tolist() == list(range(20))
    assert distance(name).keys(vectors, vectors).tolist() == [0] * 20


def test_smoothing_changes_the_order_of_two_rows_only_within_its_bound() -> None:
    """Also where a class is ten thousand times as probable as another."""
    drawn = 10 ** np.random.default_rng(0).uniform(-4, 0, (200, 3, 4))

    for query, *rows in drawn / drawn.sum(axis=2, keepdims=True):
        plain = [(query * np.log(query / row)).sum() for row in rows]
        smoothed = of("kullback_leibler", query, *rows)
        bound = sum(distances.smoothing_bound(query, row) for row in rows)
        assert abs((smoothed[1] - smoothed[0]) - (plain[1] - plain[0])) <= bound


def test_an_unknown_distance_is_named_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="unknown distance 'l1'; known: l2, cosine, probability_l2, kullback_leibler"):
        distances.distance("l1")
