"""Scores that can be checked in the head."""

import numpy as np
import pytest

from kindred.learning import metrics


def sure(predicted: list[int], classes: int) -> np.ndarray:
    """Probabilities of a model that is always sure."""
    return np.eye(classes)[predicted]


def test_a_perfect_model_scores_one_and_errs_zero() -> None:
    labels = np.array([0, 1, 2, 2])

    scores = metrics.scores(labels, sure([0, 1, 2, 2], 3))

    for name in ("accuracy", "precision", "recall", "f1", "true_positive_rate", "mcc", "roc_auc"):
        assert scores[name] == pytest.approx(1)
    for name in ("log_loss", "false_positive_rate", "expected_calibration_error"):
        assert scores[name] == pytest.approx(0)


def test_scores_are_means_over_classes_weighted_by_their_size() -> None:
    labels = np.array([0, 0, 0, 1])

    scores = metrics.scores(labels, sure([0, 0, 1, 1], 2))

    assert scores["accuracy"] == 3 / 4
    assert scores["precision"] == pytest.approx(3 / 4 * 1 + 1 / 4 * 1 / 2)
    assert scores["recall"] == scores["true_positive_rate"] == pytest.approx(3 / 4 * 2 / 3 + 1 / 4 * 1)
    assert scores["f1"] == pytest.approx(3 / 4 * 4 / 5 + 1 / 4 * 2 / 3)


def test_the_false_positive_rate_of_a_class_is_over_the_images_of_the_others() -> None:
    labels = np.array([0, 0, 0, 1])

    rate = metrics.scores(labels, sure([0, 0, 1, 1], 2))["false_positive_rate"]

    assert rate == pytest.approx(3 / 4 * 0 / 1 + 1 / 4 * 1 / 3)


def test_log_loss_is_of_the_true_class() -> None:
    probabilities = np.array([[0.5, 0.5], [0.25, 0.75]])

    losses = metrics.log_losses(np.array([0, 0]), probabilities)

    np.testing.assert_allclose(losses, [np.log(2), np.log(4)])


def test_log_loss_of_the_impossible_is_finite() -> None:
    assert metrics.log_losses(np.array([1]), sure([0], 2))[0] == pytest.approx(15 * np.log(10))


def test_the_brier_score_is_the_squared_distance_to_the_truth() -> None:
    probabilities = np.array([[1.0, 0.0], [1.0, 0.0], [0.5, 0.5]])

    np.testing.assert_allclose(metrics.brier_scores(np.array([0, 1, 1]), probabilities), [0, 2, 0.5])


def test_the_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    probabilities = np.array([[0.8, 0.2]] * 4)

    assert metrics.calibration_error(np.array([0, 0, 1, 1]), probabilities) == pytest.approx(0.3)
    assert metrics.calibration_error(np.array([0, 0, 0, 0]), probabilities) == pytest.approx(0.2)


def test_gaps_of_different_bins_do_not_cancel_out() -> None:
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4]])

    assert metrics.calibration_error(np.array([1, 0]), probabilities) == pytest.approx((0.9 + 0.4) / 2)


def test_gaps_within_a_bin_cancel_out() -> None:
    probabilities = np.array([[0.8, 0.2]] * 5)

    assert metrics.calibration_error(np.array([0, 0, 0, 0, 1]), probabilities) == pytest.approx(0)


def test_roc_auc_counts_the_pairs_in_the_right_order() -> None:
    first = np.array([0.9, 0.4, 0.6, 0.1])  # of class 0: 3 of the 4 pairs are in order

    scores = metrics.scores(np.array([0, 0, 1, 1]), np.stack([first, 1 - first], axis=1))

    assert scores["roc_auc"] == pytest.approx(3 / 4)


def test_with_one_class_only_there_is_no_roc_auc() -> None:
    scores = metrics.scores(np.array([0, 0]), sure([0, 1], 2))

    assert "roc_auc" not in scores
    assert scores["accuracy"] == 1 / 2
    assert all(np.isfinite(value) for value in scores.values())


@pytest.mark.spark
def test_sparks_own_evaluator_gives_the_same_scores(spark) -> None:
    from pyspark.ml.evaluation import MulticlassClassificationEvaluator

    rng = np.random.default_rng(0)
    labels, probabilities = rng.integers(0, 3, 200), rng.dirichlet(np.ones(3), 200)
    rows = [(float(y), float(p.argmax()), p.tolist()) for y, p in zip(labels, probabilities, strict=True)]
    frame = spark.createDataFrame(rows, "label double, prediction double, probability array<double>")
    names = {
        "accuracy": "accuracy",
        "f1": "f1",
        "precision": "weightedPrecision",
        "recall": "weightedRecall",
        "true_positive_rate": "weightedTruePositiveRate",
        "false_positive_rate": "weightedFalsePositiveRate",
        "log_loss": "logLoss",
    }

    theirs = {ours: MulticlassClassificationEvaluator(metricName=name).evaluate(frame) for ours, name in names.items()}

    ours = metrics.scores(labels, probabilities)
    assert theirs == pytest.approx({name: ours[name] for name in names})


def test_a_class_that_no_test_image_has_does_no_harm() -> None:
    scores = metrics.scores(np.array([0, 1]), sure([0, 2], 3))

    assert scores["accuracy"] == 1 / 2
    assert scores["recall"] == 1 / 2
    assert all(np.isfinite(value) for value in scores.values())
