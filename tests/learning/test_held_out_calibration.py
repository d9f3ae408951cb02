"""How the probabilities of several labellers become one, on given labels that they did not know."""

import numpy as np

from blobs import LABELS, in_each_view, right
from kindred.learning import held_out_calibration, pseudo_labels
from kindred.learning.folds import ALL
from kindred.learning.held_out_calibration import other_folds
from kindred.learning.pseudo_label_types import GivenLabels, Settings


def test_consensus_trusts_the_member_that_is_right(pool, given) -> None:
    """The base model knows nothing; the neighbours do."""
    base = in_each_view(np.random.default_rng(0).dirichlet([1, 1, 1], len(LABELS)), given)

    pseudo = pseudo_labels.assign(pool, given, base, "consensus", Settings(novelty=False))[ALL]

    assert (pseudo.labels == LABELS).mean() > 0.95
    assert sorted(pseudo.probabilities) == ["confidence", "consensus", "neighbours"]


def test_consensus_may_be_one_member_alone(pool, given) -> None:
    """The base model is right of fold 0 and wrong of fold 1, so what suits one fold misleads the other."""
    wrong = np.roll(right(), 1, axis=1)
    base = {0: right(), 1: wrong, ALL: right()}

    pseudo = pseudo_labels.assign(pool, given, base, "consensus", Settings(novelty=False))[ALL]

    np.testing.assert_array_equal(pseudo.probabilities["consensus"], pseudo.probabilities["neighbours"])


def test_a_folds_own_labels_do_not_choose_for_its_view(given) -> None:
    """One option is right of fold 0 only, the other of fold 1 only: each view takes what is right of the other fold."""
    wrong = np.roll(right(), 1, axis=1)
    options = [{0: [right()], 1: [wrong]}, {0: [wrong], 1: [right()]}]

    chosen = [held_out_calibration._best(options, given, other_folds(given, fold)) for fold in (0, 1)]

    assert chosen[0] is options[1]
    assert chosen[1] is options[0]


def test_a_view_is_calibrated_on_all_folds_but_its_own() -> None:
    rows = np.arange(6)
    given = GivenLabels(rows, rows % 2, rows % 3)

    assert [other_folds(given, fold) for fold in given.views()] == [[1, 2], [0, 2], [0, 1], [0, 1, 2]]
    assert other_folds(GivenLabels(rows, rows % 2, rows * 0), 0) == [0]
