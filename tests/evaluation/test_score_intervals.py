"""Intervals of scores: each resample has the scores of the images that it draws."""

import numpy as np
import pandas as pd
import pytest

from kindred.evaluation import score_intervals, scoring
from kindred.learning import intervals, metrics


def random_scores(n: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels [n] and probabilities [n, classes] with many ties."""
    rng = np.random.default_rng(1)
    probabilities = np.round(rng.dirichlet(np.ones(classes), n), 1) + 0.01
    return rng.integers(0, classes, n), probabilities / probabilities.sum(axis=1, keepdims=True)


def test_the_scores_of_a_resample_are_scikit_learns_of_the_images_drawn() -> None:
    labels, probabilities = random_scores(40, 3)
    counts = next(score_intervals.resamples(40))[:10]

    scores = score_intervals.scores(labels, probabilities, counts)

    for i, row in enumerate(counts):
        drawn = np.repeat(np.arange(40), row.astype(int))
        expected = metrics.scores(labels[drawn], probabilities[drawn])
        assert {name: values[i] for name, values in scores.items()} == pytest.approx(expected, abs=1e-5)


def test_every_resample_draws_as_many_images_as_there_are_and_the_same_ones_every_time() -> None:
    once, again = (np.concatenate(list(score_intervals.resamples(50))) for _ in range(2))

    assert once.shape == (intervals.RESAMPLES, 50)
    assert (once.sum(axis=1) == 50).all()
    assert (once == again).all()


def test_a_perfect_model_beside_one_that_is_right_half_the_time() -> None:
    labels = np.tile([0, 1], 200)
    perfect, constant = np.eye(2)[labels], np.tile([0.9, 0.1], (400, 1))

    table = score_intervals.intervals(labels, constant, perfect)

    assert table.loc["accuracy", ["other_low", "other_high"]].tolist() == [1, 1]
    assert table.loc["accuracy", "base_low"] == pytest.approx(0.45, abs=0.01)  # 1.96 * sqrt(0.25 / 400)
    assert table.loc["accuracy", "base_high"] == pytest.approx(0.55, abs=0.01)
    assert table.loc["accuracy", "difference_low"] == pytest.approx(0.45, abs=0.01)
    assert table.loc["roc_auc", ["base_low", "base_high"]].tolist() == [0.5, 0.5]
    assert table.loc["mcc", ["base_low", "base_high"]].tolist() == [0, 0]


def test_the_difference_of_a_model_from_itself_is_nothing() -> None:
    labels, probabilities = random_scores(60, 3)

    table = score_intervals.intervals(labels, probabilities, probabilities)

    assert not table[["difference_low", "difference_high"]].to_numpy().any()


def test_the_difference_in_accuracy_alone_has_the_interval_that_it_has_among_all_scores() -> None:
    labels, base = random_scores(60, 3)
    other = random_scores(60, 3)[1][::-1]
    right = [probabilities.argmax(axis=1) == labels for probabilities in (base, other)]

    row = score_intervals.intervals(labels, base, other).loc["accuracy"]

    assert score_intervals.accuracy_difference_interval(*right) == (row["difference_low"], row["difference_high"])


def test_a_mean_and_a_score_are_of_the_same_resamples() -> None:
    values = np.random.default_rng(3).normal(size=30)

    means = np.concatenate([counts @ values / 30 for counts in score_intervals.resamples(30)])

    assert intervals.percentile_interval(means) == pytest.approx(intervals.mean_interval(values), abs=1e-12)


def test_with_one_class_only_there_is_no_interval_of_roc_auc() -> None:
    table = score_intervals.intervals(np.zeros(5, int), np.eye(2)[[0, 0, 1, 0, 0]], np.eye(2)[[0] * 5])

    assert "roc_auc" not in table.index
    assert table.notna().all().all()


def test_the_intervals_become_figures_of_base_and_candidate_and_their_difference() -> None:
    labels = np.array([0, 0, 1, 1])
    base, other = np.eye(2)[[0, 1, 1, 0]], np.eye(2)[[0, 0, 1, 1]]
    row = {f"{key}_{end}": i for i, key in enumerate(("base", "other", "difference")) for end in ("low", "high")}

    figures = scoring.interval_figures(labels, base, other, pd.DataFrame({"accuracy": row}).T)

    assert figures["base/test/accuracy_low"] == 0
    assert figures["candidate/test/accuracy_high"] == 1
    assert figures["candidate/test/accuracy_difference_low"] == 2
    assert figures["candidate/test/mcnemar_p"] == pytest.approx(0.5)  # two of two disagreements for the one: 2 * 1/4
