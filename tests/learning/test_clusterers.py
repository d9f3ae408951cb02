"""What every clusterer promises, and what the heads of TEMI learn."""

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

import blobs
from kindred.learning import cluster_heads, cluster_splits, clusterings
from kindred.learning.clusterers import scan, temi
from kindred.learning.pseudo_label_types import Pool
from kindred.runtime import variants
from kindred.runtime.errors import InputError

NAMES = variants.names("clusterer")
TWINS, ALIKE = np.tile(np.eye(6, dtype=np.float32)[:2], (60, 1)), np.ones((120, 6), np.float32)
DIVIDE_TWINS = ("communities", "spectral")  # they see the graph, which links each image to a few of its twins


def groups(clusters: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(clusters == number).tolist()) for number in np.unique(clusters)}


@pytest.mark.parametrize("name", NAMES)
def test_separate_blobs_are_clusters(name: str, pool: Pool) -> None:
    made = clusterings.clustering(name, pool, blobs.CLASSES, seed=0)

    assert groups(made.clusters) == groups(blobs.LABELS)
    assert made.found == blobs.CLASSES
    assert not made.collapsed


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("k", [1, 2, 7, 120])
def test_there_are_as_many_clusters_as_asked_for_and_none_is_empty(name: str, k: int, pool: Pool) -> None:
    made = clusterings.clustering(name, pool, k, seed=0)

    assert made.clusters.shape == (120,)
    assert sorted(set(made.clusters.tolist())) == list(range(k))
    assert made.k == k


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_clusters(name: str) -> None:
    one, other = (clusterings.clustering(name, blobs.pool(), 5, seed=3).clusters for _ in range(2))

    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("points", "different"), [(TWINS, 2), (ALIKE, 1)], ids=["of two kinds", "all alike"])
def test_identical_images_make_as_many_clusters_too_and_collapse(name: str, points: np.ndarray, different: int) -> None:
    made = clusterings.clustering(name, blobs.pool(points), 4, seed=0)

    assert sorted(set(made.clusters.tolist())) == [0, 1, 2, 3]
    assert made.found >= different
    assert made.collapsed or name in DIVIDE_TWINS


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("images", [2, 3, 6])
def test_few_images_are_divided(name: str, images: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_heads, "STEPS", 20)
    points = np.random.default_rng(0).normal(size=(images, 6)).astype(np.float32)

    made = [clusterings.clustering(name, Pool(np.arange(images), points, 1), k, seed=0) for k in range(1, images + 1)]

    assert [len(set(one.clusters.tolist())) for one in made] == list(range(1, images + 1))


@pytest.mark.parametrize("k", [0, 121])
def test_more_clusters_than_images_or_none_are_refused(k: int, pool: Pool) -> None:
    with pytest.raises(InputError, match=f"{k} clusters of 120 images; there must be at least one"):
        clusterings.clustering("kmeans", pool, k, seed=0)


@pytest.mark.parametrize("name", NAMES)
def test_a_clusterer_has_a_docstring_and_a_limit_that_is_a_number(name: str) -> None:
    module = variants.load("clusterer", name)

    assert module.__doc__
    assert getattr(module, "MAX_CLUSTERS", 2) >= 2


@pytest.mark.parametrize("method", [scan, temi], ids=["scan", "temi"])
def test_heads_give_each_image_a_distribution_and_are_trained_once(
    method: ModuleType, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    memberships = method.memberships(pool, 3, seed=0)
    monkeypatch.setattr(cluster_heads, "HEADS", None)

    assert memberships.shape == (120, 3)
    np.testing.assert_allclose(memberships.sum(axis=1), 1, atol=1e-5)
    assert method.memberships(pool, 3, seed=0) is memberships


def test_the_gradient_of_temi_s_heads_is_that_of_their_loss() -> None:
    rng = np.random.default_rng(0)
    logits, teacher, shares = rng.normal(size=(1, 1, 4)), rng.dirichlet(np.ones(4)), rng.dirichlet(np.ones(4))

    def loss(values: np.ndarray) -> float:
        return -np.log(((softmax(values) * teacher) ** temi.BETA / shares).sum())

    student = softmax(logits[0, 0])
    target = temi._target(np.log(student), np.log(teacher)[None, None], shares[None])
    analytic = temi.BETA * (student - target)
    np.testing.assert_allclose(analytic[0, 0], slopes(loss, logits[0, 0]), atol=1e-6)


def test_the_gradient_of_scan_s_heads_is_that_of_their_loss() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 3, 1, 4))  # logits of both images of three pairs

    def loss(of_first: np.ndarray, of_second: np.ndarray) -> float:
        p, q = (cluster_heads.log_softmax(values.reshape(3, 1, 4)) for values in (of_first, of_second))
        return float(scan.losses(p, q)[0])

    by_first, by_second = scan._gradients(cluster_heads.log_softmax(first), cluster_heads.log_softmax(second))

    np.testing.assert_allclose(by_first.ravel(), slopes(lambda v: loss(v, second), first.ravel()), atol=1e-6)
    np.testing.assert_allclose(by_second.ravel(), slopes(lambda v: loss(first, v), second.ravel()), atol=1e-6)


def test_temi_takes_the_head_that_starts_from_communities_where_it_cuts_the_graph_clearly_less(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, shifted = blobs.LABELS, (np.arange(120) + 10) // 40 % 3
    heads = {0: shifted, 1: right, 2: 2 - right}
    monkeypatch.setattr(temi, "_clusters", lambda pool, head, k: heads[int(head[0, 0])])
    taken = []
    for of_kmeans, even, uneven in ((0, 0, 1), (1, 0, 0), (0, 1, 0), (1, 1, 2)):
        columns = np.repeat([of_kmeans, 0], 3)[None]  # two heads, the second is shifted
        monkeypatch.setattr(temi, "_even_heads", lambda *_, columns=columns: (columns, None))
        kinds = {True: even, False: uneven}
        monkeypatch.setattr(temi, "_of_communities", lambda *_, even, kinds=kinds: np.full((1, 3), kinds[even]))
        taken.append(temi.clusters(pool, 3, 0))

    np.testing.assert_array_equal(taken, [blobs.LABELS] * 4)


def test_the_head_of_communities_keeps_their_sizes() -> None:
    labels = np.repeat([0, 1, 2], [80, 30, 10])
    points = (np.eye(6)[labels] * 4 + np.random.default_rng(0).normal(size=(120, 6)) * 0.6).astype(np.float32)
    heads = cluster_heads.centroids(Pool(np.arange(120), points, 1).reduced, labels)

    sizes = np.bincount(labels) / 40
    kept, alike = (
        cluster_heads.distribution(
            blobs.pool(points).reduced,
            temi._trained(blobs.pool(points), heads, wanted.astype(np.float32), np.random.default_rng(0)),
            3,
        ).mean(axis=0)
        for wanted in (sizes, np.ones(3))
    )

    assert abs(kept - sizes / 3).sum() < abs(alike - sizes / 3).sum()


def softmax(values: np.ndarray) -> np.ndarray:
    return np.exp(values) / np.exp(values).sum()


def slopes(function: Callable[[np.ndarray], float], point: np.ndarray) -> list[float]:
    """The derivatives of a function at a point [m], numerically."""
    steps = np.eye(len(point)) * 1e-6
    return [(function(point + step) - function(point - step)) / 2e-6 for step in steps]


def test_classes_are_divided_in_proportion_to_their_size(pool: Pool) -> None:
    classes = np.repeat([0, 1], [80, 40])

    divided = cluster_splits.subclusters(pool, classes, 6, seed=0)

    assert [len(set(divided[classes == number].tolist())) for number in (0, 1)] == [4, 2]
    assert sorted(set(divided.tolist())) == list(range(6))


def test_the_largest_cluster_is_split_until_there_are_enough(pool: Pool) -> None:
    split = cluster_splits.split_largest(pool, np.repeat([0, 1], [80, 40]), 3, seed=0)

    assert groups(split) == groups(blobs.LABELS)
