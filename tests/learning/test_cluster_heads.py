"""What the heads that divide images have in common."""

import numpy as np
import pytest

import blobs
from kindred.learning import cluster_heads
from kindred.learning.pseudo_label_types import Pool


def test_neighbour_pairs_are_linked_in_the_graph(pool: Pool) -> None:
    first, second = cluster_heads.neighbour_pairs(pool, 500, np.random.default_rng(0))

    assert (np.asarray(pool.affinities[first, second]) > 0).all()
    assert len(set(first.tolist())) > 100


def test_an_image_without_a_link_is_its_own_neighbour() -> None:
    alike = Pool(np.arange(3), np.ones((3, 6), np.float32), threads=1)
    alike.affinities.eliminate_zeros()

    first, second = cluster_heads.neighbour_pairs(alike, 20, np.random.default_rng(0))

    np.testing.assert_array_equal(first, second)


def test_each_head_starts_at_other_centroids_of_length_one(pool: Pool) -> None:
    heads = cluster_heads.starts(pool.reduced, 3, threads=1, seed=0)

    assert heads.shape == (6, cluster_heads.HEADS * 3)
    np.testing.assert_allclose(np.linalg.norm(heads, axis=0), 1, atol=1e-5)


@pytest.mark.parametrize(("k", "heads"), [(3, 10), (40, 5), (100, 4)])
def test_there_are_fewer_heads_of_more_clusters(k: int, heads: int, pool: Pool) -> None:
    assert cluster_heads.starts(pool.reduced, k, threads=1, seed=0).shape[1] == heads * k


def test_the_head_of_the_least_loss_counts() -> None:
    centres = np.eye(6, dtype=np.float32)[:3].T
    vectors, rows = centres.T[blobs.LABELS], np.arange(120)

    def losses(p: np.ndarray, q: np.ndarray) -> np.ndarray:
        return -np.exp(p + q).sum(axis=2).mean(axis=0)  # the first head, all zero, cannot tell them apart

    heads = np.hstack([np.zeros_like(centres), centres])
    memberships = cluster_heads.memberships(vectors, heads, 3, (rows, rows), losses)

    np.testing.assert_array_equal(memberships.argmax(axis=1), blobs.LABELS)


def test_adam_s_first_step_is_the_rate_along_the_sign() -> None:
    step = cluster_heads.Adam((3,)).step(np.array([4.0, -0.5, 0.0], np.float32))

    np.testing.assert_allclose(step, [cluster_heads.RATE, -cluster_heads.RATE, 0], atol=1e-6)
