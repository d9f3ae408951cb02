"""Nearest neighbours among many images."""

import numpy as np
import pytest

from kindred.features import approximate_neighbours, neighbours

N, K = 3000, 10


@pytest.fixture(scope="module")
def features() -> np.ndarray:
    """[n, 200] of few directions that matter, far from 0."""
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(N, 20)) * 2 / np.arange(1, 21)
    return (factors @ rng.normal(size=(20, 200)) + 0.05 * rng.normal(size=(N, 200)) + 9).astype(np.float32)


def test_most_of_the_nearest_are_found_with_their_exact_cosines(features: np.ndarray) -> None:
    vectors = neighbours.unit_vectors(features)
    cosines, rows = neighbours.nearest(vectors, vectors, K + 1, threads=1)

    codes = approximate_neighbours.reduced(features)
    near, found = approximate_neighbours.nearest(features, codes, K + 1, threads=1)

    assert codes.shape == (N, approximate_neighbours.AXES)
    assert (found[:, 0] == np.arange(N)).all()
    assert np.mean([np.isin(own, true).mean() for own, true in zip(found, rows, strict=True)]) > 0.95
    np.testing.assert_allclose(near, (vectors[found] * vectors[:, None]).sum(axis=2), atol=1e-5)
    assert (near <= cosines + 1e-5).all()


def test_the_axes_of_more_numbers_than_images_are_those_of_the_larger_matrix() -> None:
    features = np.random.default_rng(0).normal(size=(150, 400)).astype(np.float32) * np.linspace(3, 1, 400)
    vectors = neighbours.unit_vectors(features.astype(np.float32))
    axes = np.linalg.eigh(vectors.T @ vectors)[1][:, -approximate_neighbours.AXES :]

    codes = approximate_neighbours.reduced(features)

    np.testing.assert_allclose(codes @ codes.T, vectors @ axes @ axes.T @ vectors.T, atol=1e-4)


def test_few_images_of_many_numbers_keep_their_cosines() -> None:
    features = np.random.default_rng(0).normal(size=(30, 5000)).astype(np.float32)
    vectors = neighbours.unit_vectors(features)

    codes = approximate_neighbours.reduced(features)

    assert codes.shape == (30, 29)  # about their mean, one direction is none
    np.testing.assert_allclose(codes @ codes.T, vectors @ vectors.T, atol=1e-5)


def test_images_that_are_all_alike_have_codes_of_zero() -> None:
    codes = approximate_neighbours.reduced(np.full((20, 300), 7, np.float32))

    assert codes.shape[0] == 20
    assert not codes.any()


def test_threads_change_nothing(features: np.ndarray) -> None:
    codes = approximate_neighbours.reduced(features)

    one, two = (approximate_neighbours.nearest(features, codes, K, threads) for threads in (1, 2))

    np.testing.assert_array_equal(one[0], two[0])
    np.testing.assert_array_equal(one[1], two[1])


def test_a_large_graph_links_few_less_than_all_neighbours_and_says_so(features, monkeypatch) -> None:
    exact = neighbours.recall(features, neighbours.graph(features, 1), 1)
    monkeypatch.setattr(neighbours, "EXACT_IMAGES", N - 1)
    monkeypatch.setattr(approximate_neighbours, "PROBES", 1)

    graph = neighbours.graph(features, threads=1)

    assert exact == 1
    assert 0.3 < neighbours.recall(features, graph, threads=1) < 0.95
    assert (abs(graph - graph.T) > 1e-12).nnz == 0


def test_twins_leave_the_graph_whole(monkeypatch) -> None:
    monkeypatch.setattr(neighbours, "EXACT_IMAGES", 0)
    features = np.repeat(np.eye(4, dtype=np.float32), 100, axis=0)

    graph = neighbours.graph(features, threads=1)

    assert np.isfinite(graph.data).all()
    assert graph.diagonal().sum() == 0
