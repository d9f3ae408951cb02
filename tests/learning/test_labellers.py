"""What every labeller promises, and what each of them predicts for two blobs of points."""

import numpy as np
import pytest

from kindred.learning import pseudo_labels
from kindred.learning.folds import ALL
from kindred.learning.pseudo_label_types import GivenLabels, Pool, Settings, View
from kindred.runtime import variants

NAMES = variants.names("labeller")
WITHOUT_MEMBERS = [name for name in NAMES if not hasattr(variants.load("labeller", name), "MEMBERS")]
LABELS = np.repeat([0, 1], 30)


@pytest.fixture
def pool() -> Pool:
    """Two blobs of 30 points each, far apart in 5 dimensions."""
    rng = np.random.default_rng(0)
    centres = np.array([[4.0, 0, 0, 0, 0], [0, 4.0, 0, 0, 0]])
    features = centres[LABELS] + rng.normal(size=(60, 5)) * 0.5
    return Pool(np.array([f"{i:03d}" for i in range(60)]), features.astype(np.float32), threads=1)


def view_of(pool: Pool, known: list[int], **settings) -> View:
    """A view whose base model is right everywhere, and rather sure."""
    base = np.where(np.eye(2)[LABELS] == 1, 0.9, 0.1)
    return View(pool, np.array(known), LABELS[known], base, Settings(**{"clusters": len(known), **settings}))


def predict(name: str, view: View) -> np.ndarray:
    module = variants.load("labeller", name)
    return module.probabilities(view, getattr(module, "SETTINGS", (None,))[0])


@pytest.mark.parametrize("name", WITHOUT_MEMBERS)
def test_each_row_is_a_distribution_or_nothing(pool, name: str) -> None:
    probabilities = predict(name, view_of(pool, [0, 1, 30, 31], percentile=60))

    assert probabilities.shape == (60, 2)
    assert (probabilities >= 0).all()
    assert np.isin(np.round(probabilities.sum(axis=1), 9), [0, 1]).all()
    assert (probabilities.sum(axis=1) > 0).sum() > 20


@pytest.mark.parametrize("name", NAMES)
def test_a_labeller_has_a_threshold_and_either_probabilities_or_members(name: str) -> None:
    module = variants.load("labeller", name)

    assert 0 <= module.THRESHOLD <= 1
    assert hasattr(module, "probabilities") != hasattr(module, "MEMBERS")
    assert set(getattr(module, "MEMBERS", ())) <= set(NAMES)
    assert module.__doc__


@pytest.mark.parametrize("name", WITHOUT_MEMBERS)
def test_two_blobs_with_two_known_points_each_are_separated(pool, name: str) -> None:
    probabilities = predict(name, view_of(pool, [0, 1, 30, 31]))

    with_opinion = probabilities.sum(axis=1) > 0
    assert (probabilities.argmax(axis=1) == LABELS)[with_opinion].all()


@pytest.mark.parametrize("name", WITHOUT_MEMBERS)
def test_the_same_view_gives_the_same_probabilities(pool, name: str) -> None:
    view = view_of(pool, [0, 30])

    np.testing.assert_array_equal(predict(name, view), predict(name, view))


def test_neighbours_do_not_use_the_base_model(pool) -> None:
    view = view_of(pool, [0, 30])
    wrong = View(view.pool, view.known, view.labels, view.base[::-1], view.settings)

    np.testing.assert_array_equal(predict("neighbours", view), predict("neighbours", wrong))


def test_a_class_with_no_known_label_in_this_view_gets_nothing_from_its_neighbours(pool) -> None:
    probabilities = predict("neighbours", view_of(pool, [0, 1]))

    assert (probabilities[:, 1] == 0).all()


def test_clusters_label_the_nearest_share_of_each_cluster(pool) -> None:
    probabilities = predict("clusters", view_of(pool, [0, 30], percentile=50, clusters=2))

    labelled = probabilities.sum(axis=1) > 0
    assert labelled[:30].sum() == labelled[30:].sum() == 15
    cluster, distance = pool.clusters(2, 0)
    for number in (0, 1):
        members = cluster == number
        assert distance[members & labelled].max() <= distance[members & ~labelled].min()


def test_a_cluster_without_a_known_image_stays_without_label(pool) -> None:
    probabilities = predict("clusters", view_of(pool, [0], clusters=2))

    assert (probabilities[:30].sum(axis=1) > 0).all()
    assert not probabilities[30:].any()


def test_a_cluster_takes_the_label_of_the_known_image_nearest_to_its_centroid(pool) -> None:
    _, distance = pool.clusters(2, 0)
    order = np.argsort(distance[:30])
    near, far = int(order[0]), int(order[-1])
    view = View(pool, np.array([far, near]), np.array([0, 1]), np.full((60, 2), 0.5), Settings(clusters=2))

    probabilities = predict("clusters", view)

    assert (probabilities[:30].argmax(axis=1) == 1).all()


def test_every_labeller_can_be_chosen_by_its_name(pool) -> None:
    given = GivenLabels(np.array([0, 1, 30, 31]), LABELS[[0, 1, 30, 31]], np.array([0, 1, 0, 1]))
    base = {fold: np.where(np.eye(2)[LABELS] == 1, 0.9, 0.1) for fold in given.views()}

    for name in NAMES:
        pseudo = pseudo_labels.assign(pool, given, base, name, Settings(novelty=False, threshold=0.0))[ALL]
        assert (pseudo.labels == LABELS)[pseudo.accepted].all()
        assert pseudo.accepted.sum() >= 30
