"""What every clusterer promises, and what the heads of TEMI learn."""

import numpy as np
import pytest

import blobs
from kindred.learning import cluster_splits
from kindred.learning.clusterers import temi
from kindred.learning.pseudo_label_types import Pool
from kindred.runtime import variants

NAMES = variants.names("clusterer")


def groups(clusters: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(clusters == number).tolist()) for number in np.unique(clusters)}


@pytest.mark.parametrize("name", NAMES)
def test_separate_blobs_are_clusters(name: str, pool: Pool) -> None:
    clusters = variants.load("clusterer", name).clusters(pool, blobs.CLASSES, seed=0)

    assert groups(clusters) == groups(blobs.LABELS)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("k", [1, 2, 7])
def test_there_are_as_many_clusters_as_asked_for_and_none_is_empty(name: str, k: int, pool: Pool) -> None:
    clusters = variants.load("clusterer", name).clusters(pool, k, seed=0)

    assert clusters.shape == (120,)
    assert sorted(set(clusters.tolist())) == list(range(k))


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_clusters(name: str) -> None:
    one, other = (variants.load("clusterer", name).clusters(blobs.pool(), 5, seed=3) for _ in range(2))

    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", NAMES)
def test_identical_images_make_as_many_clusters_too(name: str) -> None:
    twins = blobs.pool(np.tile(np.eye(6, dtype=np.float32)[:2], (60, 1)))

    clusters = variants.load("clusterer", name).clusters(twins, 4, seed=0)

    assert sorted(set(clusters.tolist())) == [0, 1, 2, 3]


@pytest.mark.parametrize("name", NAMES)
def test_a_clusterer_has_a_docstring_and_a_limit_that_is_a_number(name: str) -> None:
    module = variants.load("clusterer", name)

    assert module.__doc__
    assert getattr(module, "MAX_CLUSTERS", 2) >= 2


def test_heads_give_each_image_a_distribution_and_are_trained_once(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    memberships = temi.memberships(pool, 3, seed=0)
    monkeypatch.setattr(temi, "HEADS", None)

    assert memberships.shape == (120, 3)
    np.testing.assert_allclose(memberships.sum(axis=1), 1, atol=1e-5)
    assert temi.memberships(pool, 3, seed=0) is memberships


def test_the_gradient_of_the_heads_is_that_of_their_loss() -> None:
    rng = np.random.default_rng(0)
    logits, teacher, shares = rng.normal(size=(1, 1, 4)), rng.dirichlet(np.ones(4)), rng.dirichlet(np.ones(4))

    def probabilities(values: np.ndarray) -> np.ndarray:
        return np.exp(values) / np.exp(values).sum()

    def loss(values: np.ndarray) -> float:
        return -np.log(((probabilities(values) * teacher) ** temi.BETA / shares).sum())

    steps = np.eye(4) * 1e-6
    numeric = [(loss(logits[0, 0] + step) - loss(logits[0, 0] - step)) / 2e-6 for step in steps]

    student = probabilities(logits)
    target = temi._target(np.log(student), np.log(teacher)[None, None], shares[None])
    analytic = temi.BETA * (student - target)
    np.testing.assert_allclose(analytic[0, 0], numeric, atol=1e-6)


def test_classes_are_divided_in_proportion_to_their_size(pool: Pool) -> None:
    classes = np.repeat([0, 1], [80, 40])

    divided = cluster_splits.subclusters(pool, classes, 6, seed=0)

    assert [len(set(divided[classes == number].tolist())) for number in (0, 1)] == [4, 2]
    assert sorted(set(divided.tolist())) == list(range(6))


def test_the_largest_cluster_is_split_until_there_are_enough(pool: Pool) -> None:
    split = cluster_splits.split_largest(pool, np.repeat([0, 1], [80, 40]), 3, seed=0)

    assert groups(split) == groups(blobs.LABELS)
