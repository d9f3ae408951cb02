"""How the probabilities of several labellers become one, on given labels that they did not know."""

import numpy as np

from blobs import LABELS, in_each_view, right
from kindred.learning import held_out_calibration, pseudo_labels
from kindred.learning.folds import ALL
from kindred.learning.held_out_calibration import other_folds
from kindred.learning.pseudo_label_types import GivenLabels, Settings, View


def test_consensus_trusts_the_member_that_is_right(pool, given) -> None:
    """The base model knows nothing; the neighbours do."""
    base = in_each_view(np.random.default_rng(0).dirichlet([1, 1, 1], len(LABELS)), given)

    pseudo = pseudo_labels.assign(pool, given, base, "consensus", Settings(novelty=False))[ALL]

    assert (pseudo.labels == LABELS).mean() > 0.95
    assert sorted(pseudo.probabilities) == ["confidence", "consensus", "heads", "neighbours"]


def test_all_settings_of_a_labeller_are_pooled(pool, given) -> None:
    """One setting knows the labels, the other all of them but those of one class, which it takes for another."""
    confused = right()
    confused[LABELS == 0] = right()[LABELS == 1][0]
    opinions = {view: [right(), confused] for view in given.views()}

    pooled = held_out_calibration._pooled(
        opinions[ALL], *held_out_calibration._held_out(opinions, given, given.fold_numbers())
    )

    assert (pooled.argmax(axis=1) == LABELS).all()
    assert pooled[LABELS == 0].max() < pooled[LABELS == 1].max()


def test_a_folds_own_labels_have_no_part_in_its_view(pool, given) -> None:
    """The base model is right of fold 0 only: the view of fold 0 is calibrated by fold 1, where it is wrong."""
    wrong = np.roll(right(), 1, axis=1)
    views = {
        v: View(pool, given.rows, given.labels, p, Settings()) for v, p in {0: right(), 1: wrong, ALL: right()}.items()
    }

    by_view = held_out_calibration.labeller_probabilities("confidence", views, given)["confidence"]

    assert by_view[0].max() < 0.5
    assert by_view[1].max() > 0.9


def test_without_held_out_labels_the_base_model_has_no_part_in_the_consensus(pool) -> None:
    rows = np.array([np.flatnonzero(LABELS == c)[0] for c in range(3)])
    given = GivenLabels(rows, LABELS[rows], np.full(3, ALL))
    of_base = [right(), np.roll(right(), 1, axis=1)]

    by_base = [
        held_out_calibration.labeller_probabilities(
            "consensus", {ALL: View(pool, rows, LABELS[rows], base, Settings())}, given
        )["consensus"][ALL]
        for base in of_base
    ]

    np.testing.assert_array_equal(*by_base)
    assert (by_base[0].argmax(axis=1) == LABELS).mean() > 0.9


def test_a_view_is_calibrated_on_all_folds_but_its_own() -> None:
    rows = np.arange(6)
    given = GivenLabels(rows, rows % 2, rows % 3)

    assert [other_folds(given, fold) for fold in given.views()] == [[1, 2], [0, 2], [0, 1], [0, 1, 2]]
    assert other_folds(GivenLabels(rows, rows % 2, rows * 0), 0) == [0]
