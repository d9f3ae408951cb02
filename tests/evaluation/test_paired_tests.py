"""Models against the first one, on the same images."""

import numpy as np
import pytest

from kindred.evaluation import paired_tests, score_intervals

LABELS = np.tile([0, 1], 50)


def correct(**shares: float) -> dict[str, np.ndarray]:
    """Of 100 images a model has so many right, the first ones."""
    return {name: np.arange(100) < 100 * share for name, share in shares.items()}


def test_ten_points_more_on_the_same_images_are_a_difference_and_one_is_none() -> None:
    table = paired_tests.paired_accuracy(correct(first=0.8, much=0.9, little=0.81)).set_index("run")

    assert table["difference"].to_dict() == pytest.approx({"much": 0.1, "little": 0.01})
    assert table.loc["much", "p"] == pytest.approx(2 * 0.5**10)  # ten images, all in its favour
    assert table.loc["little", "p"] == 1
    assert table.loc["much", "low"] > 0


def test_a_difference_has_the_interval_that_the_stage_evaluate_gives_it() -> None:
    right = correct(first=0.8, other=0.83)
    predictions = [np.where(of_model, LABELS, 1 - LABELS) for of_model in right.values()]
    probabilities = [np.where(np.eye(2)[predicted], 0.8, 0.2) for predicted in predictions]

    row = paired_tests.paired_accuracy(right).iloc[0]

    expected = score_intervals.intervals(LABELS, *probabilities).loc["accuracy"]
    assert (row["low"], row["high"]) == (expected["difference_low"], expected["difference_high"])


def test_p_values_are_corrected_for_their_number() -> None:
    np.testing.assert_allclose(paired_tests.holm(np.array([0.01, 0.04, 0.03])), [0.03, 0.06, 0.06])
    np.testing.assert_allclose(paired_tests.holm(np.array([0.9, 0.8])), [1, 1])
