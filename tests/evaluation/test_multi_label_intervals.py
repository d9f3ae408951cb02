"""Intervals of scores of several labels an image: each resample has the scores of the images that it draws."""

import numpy as np
import pytest

from kindred.evaluation import multi_label_intervals, multi_label_scoring, score_intervals
from kindred.learning.multi_label import Labels

LIMITS = np.array([0.5, 0.4, 0.6])


def random_sets(n: int, known: float = 0.7) -> tuple[Labels, np.ndarray]:
    """Labels of three classes, of which not all are known, the last one rare, and probabilities with many ties."""
    rng = np.random.default_rng(1)
    present = rng.random((n, 3)) < (0.5, 0.3, 0.06)
    values = np.round(np.clip(0.6 * present + rng.random((n, 3)) * 0.5, 0, 1), 1)
    labels = Labels(rng.random((n, 3)) < known, present)
    labels.known[:, 0] = True
    return labels, values


@pytest.mark.parametrize("known", [0.7, 1.0])
def test_the_scores_of_a_resample_are_those_of_the_images_drawn(known: float) -> None:
    labels, values = random_sets(40, known)
    counts = next(score_intervals.resamples(40))[:20]

    scores = multi_label_intervals.scores(values, LIMITS, labels, counts)

    for i, row in enumerate(counts):
        drawn = np.repeat(np.arange(40), row.astype(int))
        expected = multi_label_scoring.scores(values[drawn], LIMITS, labels.of(drawn))
        assert {name: of[i] for name, of in scores.items()} == pytest.approx(expected, abs=1e-5)


def test_images_that_are_all_drawn_once_have_the_scores_of_the_whole() -> None:
    labels, values = random_sets(40)

    scores = multi_label_intervals.scores(values, LIMITS, labels, np.ones((1, 40), np.float32))

    expected = multi_label_scoring.scores(values, LIMITS, labels)
    assert {name: of[0] for name, of in scores.items()} == pytest.approx(expected)


def test_a_perfect_model_beside_one_that_says_the_same_of_every_image() -> None:
    present = np.tile([[True], [False]], (200, 1))
    labels, limits = Labels(np.ones_like(present), present), np.array([0.5])

    table = multi_label_intervals.intervals(labels, np.full((400, 1), 0.9), limits, present * 1.0, limits)

    assert table.loc["micro_f1", ["other_low", "other_high"]].tolist() == [1, 1]
    assert table.loc["hamming_loss", "base_low"] == pytest.approx(0.45, abs=0.01)  # 1.96 * sqrt(0.25 / 400)
    assert table.loc["hamming_loss", "base_high"] == pytest.approx(0.55, abs=0.01)
    assert table.loc["mean_average_precision", "difference_low"] == pytest.approx(0.45, abs=0.01)
    assert table.loc["mean_average_precision", "difference_high"] == pytest.approx(0.55, abs=0.01)


def test_the_difference_of_a_model_from_itself_is_nothing() -> None:
    labels, values = random_sets(60)

    table = multi_label_intervals.intervals(labels, values, LIMITS, values, LIMITS)

    assert not table[["difference_low", "difference_high"]].to_numpy().any()


def test_where_no_image_has_a_class_nothing_is_ranked() -> None:
    labels = Labels(np.ones((5, 2), bool), np.zeros((5, 2), bool))

    table = multi_label_intervals.intervals(labels, np.full((5, 2), 0.2), np.ones(2), np.full((5, 2), 0.1), np.ones(2))

    assert table.index.tolist() == ["micro_f1", "hamming_loss", "log_loss", "expected_calibration_error"]
    assert table.notna().all().all()


def test_the_interval_of_the_calibration_error_has_room_on_both_sides() -> None:
    rng = np.random.default_rng(0)
    values = rng.random((400, 5))
    labels = Labels(np.ones((400, 5), bool), rng.random((400, 5)) < values)  # calibrated: each resample is less so
    limits = np.full(5, 0.5)

    row = multi_label_intervals.intervals(labels, values, limits, values, limits).loc["expected_calibration_error"]

    value = multi_label_scoring.scores(values, limits, labels)["expected_calibration_error"]
    assert row["base_low"] < value - 0.003
    assert row["base_high"] > value + 0.003
