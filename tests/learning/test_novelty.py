"""Images out of distribution."""

import numpy as np

import blobs
from blobs import LABELS, in_each_view, right
from kindred.features import neighbours
from kindred.learning import novelty, pseudo_labels
from kindred.learning.folds import ALL
from kindred.learning.pseudo_label_types import GivenLabels, Settings
from kindred.learning.refusal_reasons import OUT_OF_DISTRIBUTION


def test_images_far_from_every_known_label_are_out_of_distribution(given) -> None:
    unknown_class = np.flatnonzero(LABELS == 2)
    known = GivenLabels(given.rows[:8], given.labels[:8], given.folds[:8])
    pool = blobs.pool(blobs.features(spread=0.3))

    pseudo = pseudo_labels.assign(pool, known, in_each_view(right(), known), "neighbours", Settings())[ALL]

    assert (pseudo.reasons[unknown_class] == OUT_OF_DISTRIBUTION).mean() > 0.9
    others = np.setdiff1d(np.arange(len(LABELS)), [*unknown_class, *known.rows])
    assert (pseudo.reasons[others] == OUT_OF_DISTRIBUTION).mean() < 0.3


def test_where_few_are_far_away_no_image_is_excluded(pool) -> None:
    """Every class is given: above a threshold that 3 % of the known exceed there are no more than by chance."""
    rows = np.flatnonzero(np.arange(len(LABELS)) % 2)
    given = GivenLabels(rows, LABELS[rows], np.arange(len(rows)) % 5)

    pseudo = pseudo_labels.assign(pool, given, in_each_view(right(), given), "neighbours", Settings())[ALL]

    assert OUT_OF_DISTRIBUTION not in pseudo.reasons
    assert pseudo.novelty is not None


def test_the_threshold_acts_when_twice_as_many_are_above_it_as_known_ones_would_be() -> None:
    held_out, none = np.arange(100.0), np.array([], int)
    few, many = np.zeros(100), np.zeros(100)
    few[:5], many[:6] = 1000, 1000

    assert not novelty.out_of_distribution(few, held_out, none).any()
    assert novelty.out_of_distribution(many, held_out, none).sum() == 6


def test_labels_are_spread_once_for_each_view_and_alpha(pool, given, monkeypatch) -> None:
    """The labeller needs both values of alpha, the novelty score one of them."""
    calls, spread = [], neighbours.spread
    monkeypatch.setattr(neighbours, "spread", lambda *arguments: calls.append(1) or spread(*arguments))

    pseudo_labels.assign(pool, given, in_each_view(right(), given), "consensus", Settings())

    assert len(calls) == 2 * len(given.views())
