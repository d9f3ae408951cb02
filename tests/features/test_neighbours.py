"""The graph of nearest neighbours, and labels spread over it."""

import numpy as np
import pytest

from kindred.features import neighbours
from kindred.runtime.errors import InputError

POINTS = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)


def test_unit_vectors_are_centred_and_of_length_1() -> None:
    vectors = neighbours.unit_vectors(POINTS + 100)

    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(vectors, neighbours.unit_vectors(POINTS), atol=1e-4)


def test_equal_features_have_finite_unit_vectors() -> None:
    assert np.isfinite(neighbours.unit_vectors(np.ones((3, 4), np.float32))).all()


def test_the_nearest_are_those_of_a_full_search() -> None:
    vectors = neighbours.unit_vectors(POINTS)

    products, rows = neighbours.nearest(vectors, vectors[:5], 7, threads=1)

    full = vectors[:5] @ vectors.T
    np.testing.assert_array_equal(rows, np.argsort(-full, axis=1)[:, :7])
    np.testing.assert_allclose(products, -np.sort(-full, axis=1)[:, :7], atol=1e-6)


@pytest.mark.parametrize("k", [0, 51])
def test_more_neighbours_than_images_are_an_error(k: int) -> None:
    with pytest.raises(InputError, match=f"k is {k}; there are 50 images"):
        neighbours.nearest(POINTS, POINTS, k, 1)


def test_the_graph_is_symmetric_sparse_and_without_loops() -> None:
    graph = neighbours.graph(POINTS, threads=1, k=5)

    assert (abs(graph - graph.T) > 1e-12).nnz == 0
    assert graph.diagonal().sum() == 0
    assert 50 * 5 / 2 <= graph.nnz <= 2 * 50 * 5
    assert np.abs(np.linalg.eigvalsh(graph.toarray())).max() <= 1 + 1e-9


def test_the_number_of_threads_changes_nothing() -> None:
    one, two = (neighbours.graph(POINTS, threads) for threads in (1, 2))

    assert (one != two).nnz == 0


def test_fewer_images_than_neighbours_make_a_full_graph() -> None:
    graph = neighbours.graph(np.eye(3, dtype=np.float32), threads=1)

    assert graph.shape == (3, 3)


def test_many_equal_images_leave_the_graph_finite_and_without_loops() -> None:
    graph = neighbours.graph(np.concatenate([np.tile(POINTS[:1], (30, 1)), POINTS]), threads=1, k=5)

    assert np.isfinite(graph.data).all()
    assert graph.diagonal().sum() == 0


def test_spread_labels_are_the_solution_of_the_linear_system() -> None:
    affinities = neighbours.graph(POINTS, threads=1, k=5)
    seeds = np.zeros((50, 2))
    seeds[0, 0] = seeds[1, 1] = 1

    labels = neighbours.spread(affinities, seeds, alpha=0.9)

    exact = np.linalg.solve(np.eye(50) - 0.9 * affinities.toarray(), seeds)
    np.testing.assert_allclose(labels, np.maximum(exact, 0), atol=1e-5)


def test_a_class_without_seeds_gets_nothing() -> None:
    affinities = neighbours.graph(POINTS, threads=1, k=5)
    seeds = np.zeros((50, 2))
    seeds[0, 0] = 1

    labels = neighbours.spread(affinities, seeds)

    assert (labels[:, 1] == 0).all()
    assert np.isfinite(labels).all()
