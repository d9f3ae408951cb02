"""What every labeller promises, and what each of them says of two blobs of points."""

import numpy as np
import pytest

from kindred.learning import pseudo_labels
from kindred.learning.pseudo_label_types import ALL, Given, Pool, Scene, Settings
from kindred.runtime import variants

NAMES = variants.names("labeller")
OWN = [name for name in NAMES if hasattr(variants.load("labeller", name), "opinion")]
LABELS = np.repeat([0, 1], 30)


@pytest.fixture
def pool() -> Pool:
    """Two blobs of 30 points each, far apart in 5 dimensions."""
    chance = np.random.default_rng(0)
    centres = np.array([[4.0, 0, 0, 0, 0], [0, 4.0, 0, 0, 0]])
    features = centres[LABELS] + chance.normal(size=(60, 5)) * 0.5
    return Pool(np.array([f"{i:03d}" for i in range(60)]), features.astype(np.float32), threads=1)


def scene(pool: Pool, known: list[int], **settings) -> Scene:
    """A scene whose base model is right everywhere, and rather sure."""
    base = np.where(np.eye(2)[LABELS] == 1, 0.9, 0.1)
    return Scene(pool, np.array(known), LABELS[known], base, Settings(**{"clusters": len(known), **settings}))


def opinion(name: str, seen: Scene) -> np.ndarray:
    module = variants.load("labeller", name)
    return module.opinion(seen, getattr(module, "SETTINGS", (None,))[0])


@pytest.mark.parametrize("name", OWN)
def test_an_opinion_is_a_distribution_or_nothing(pool, name: str) -> None:
    found = opinion(name, scene(pool, [0, 1, 30, 31], percentile=60))

    assert found.shape == (60, 2)
    assert (found >= 0).all()
    assert np.isin(np.round(found.sum(axis=1), 9), [0, 1]).all()
    assert (found.sum(axis=1) > 0).sum() > 20


@pytest.mark.parametrize("name", NAMES)
def test_a_labeller_has_a_threshold_and_gives_an_opinion_in_one_way(name: str) -> None:
    module = variants.load("labeller", name)

    assert 0 <= module.THRESHOLD <= 1
    assert hasattr(module, "opinion") != hasattr(module, "PARTS")
    assert set(getattr(module, "PARTS", ())) <= set(NAMES)
    assert module.__doc__


@pytest.mark.parametrize("name", OWN)
def test_two_blobs_with_two_known_points_each_are_told_apart(pool, name: str) -> None:
    found = opinion(name, scene(pool, [0, 1, 30, 31]))

    says = found.sum(axis=1) > 0
    assert (found.argmax(axis=1) == LABELS)[says].all()


@pytest.mark.parametrize("name", OWN)
def test_the_same_scene_gives_the_same_opinion(pool, name: str) -> None:
    seen = scene(pool, [0, 30])

    np.testing.assert_array_equal(opinion(name, seen), opinion(name, seen))


def test_neighbours_do_not_ask_the_base_model(pool) -> None:
    seen = scene(pool, [0, 30])
    wrong = Scene(seen.pool, seen.known, seen.labels, seen.base[::-1], seen.settings)

    np.testing.assert_array_equal(opinion("neighbours", seen), opinion("neighbours", wrong))


def test_a_class_with_no_known_label_in_this_view_gets_nothing_from_its_neighbours(pool) -> None:
    found = opinion("neighbours", scene(pool, [0, 1]))

    assert (found[:, 1] == 0).all()


def test_clusters_label_the_nearest_share_of_each_cluster(pool) -> None:
    found = opinion("clusters", scene(pool, [0, 30], percentile=50, clusters=2))

    says = found.sum(axis=1) > 0
    assert says[:30].sum() == says[30:].sum() == 15
    cluster, distance = pool.clusters(2, 0)
    for number in (0, 1):
        members = cluster == number
        assert distance[members & says].max() <= distance[members & ~says].min()


def test_a_cluster_without_a_known_image_stays_without_label(pool) -> None:
    found = opinion("clusters", scene(pool, [0], clusters=2))

    assert (found[:30].sum(axis=1) > 0).all()
    assert not found[30:].any()


def test_a_cluster_takes_the_label_of_the_known_image_nearest_to_its_centroid(pool) -> None:
    _, distance = pool.clusters(2, 0)
    order = np.argsort(distance[:30])
    near, far = int(order[0]), int(order[-1])
    seen = Scene(pool, np.array([far, near]), np.array([0, 1]), np.full((60, 2), 0.5), Settings(clusters=2))

    found = opinion("clusters", seen)

    assert (found[:30].argmax(axis=1) == 1).all()


def test_every_labeller_can_be_chosen_by_its_name(pool) -> None:
    given = Given(np.array([0, 1, 30, 31]), LABELS[[0, 1, 30, 31]], np.array([0, 1, 0, 1]))
    base = {view: np.where(np.eye(2)[LABELS] == 1, 0.9, 0.1) for view in given.views()}

    for name in NAMES:
        verdict = pseudo_labels.decide(pool, given, base, name, Settings(novelty=False, threshold=0.0))[ALL]
        assert (verdict.labels == LABELS)[verdict.accepted].all()
        assert verdict.accepted.sum() >= 30
