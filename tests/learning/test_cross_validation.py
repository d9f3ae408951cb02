"""The fits in single processes, and what they are scored by."""

import numpy as np
import pytest

from kindred.learning import cross_validation
from kindred.learning.cross_validation import Fitted, OutOfFold
from kindred.learning.folds import ALL
from kindred.learning.training_plan import make_examples
from kindred.runtime import variants
from plans import FOLDS, clouds, given_plan


def test_scores_are_by_fold_and_figures_their_means() -> None:
    right, wrong = np.array([[1.0, 0.0]] * 2), np.array([[1.0, 0.0], [0.0, 1.0]])
    ids, labels = np.array(["a", "b"]), np.array([0, 0])
    fitted = Fitted(out_of_fold={0: OutOfFold(ids, labels, right), 1: OutOfFold(ids, labels, wrong)})

    figures = fitted.figures("base")

    assert {fold: s["accuracy"] for fold, s in fitted.scores().items()} == {0: 1.0, 1: 0.5}
    assert figures["base/cv/folds"] == 2
    assert figures["base/cv/accuracy_mean"] == 0.75
    assert figures["base/cv/accuracy_std"] == 0.25


@pytest.mark.spark
def test_fitting_in_processes_gives_each_fold_what_it_may_see(spark, messages: list[str]) -> None:
    ids, features, labels = clouds()
    module = variants.load("classifier", "logistic_regression")
    plan = given_plan(ids, labels)

    fitted = cross_validation.fit(spark, make_examples(plan, ids, features), ids, module, 2, FOLDS, 0, messages.append)

    assert sorted(fitted.networks) == [ALL, 0, 1, 2]
    assert fitted.setting in module.SETTINGS
    for fold, (held_out, true, probabilities) in fitted.out_of_fold.items():
        seen = (plan["fold"] != fold).to_numpy()
        alone = module.fit(features[seen], labels[seen], np.ones(seen.sum()), 2, 0, fitted.setting)
        assert held_out.tolist() == ids[~seen].tolist()
        assert true.tolist() == labels[~seen].tolist()
        np.testing.assert_allclose(probabilities, alone.probabilities(features[~seen]), atol=1e-9)


@pytest.mark.spark
def test_the_setting_with_the_least_log_loss_is_taken(spark, messages: list[str]) -> None:
    ids, features, labels = clouds()
    module = variants.load("classifier", "logistic_regression")

    examples = make_examples(given_plan(ids, labels), ids, features)
    fitted = cross_validation.fit(spark, examples, ids, module, 2, FOLDS, 0, messages.append)

    losses = [float(line.rsplit(" ", 1)[1]) for line in messages]
    assert f"setting {fitted.setting:g}:" in messages[int(np.argmin(losses))]
    assert fitted.log_loss() == pytest.approx(min(losses), abs=1e-4)
    assert all(one > other for one, other in zip(losses[:-1], losses[1:-1], strict=False))  # it stops at the first rise


@pytest.mark.spark
def test_the_learning_curve_ends_with_the_accuracy_of_each_folds_own_model(spark, messages: list[str]) -> None:
    ids, features, labels = clouds()
    module = variants.load("classifier", "logistic_regression")
    examples = make_examples(given_plan(ids, labels), ids, features)
    fitted = cross_validation.fit(spark, examples, ids, module, 2, FOLDS, 0, messages.append)

    points = cross_validation.learning_curve_points(spark, examples, ids, module, 2, fitted, seed=0)

    assert points["labels"].tolist() == [5] * FOLDS + [10] * FOLDS + [20] * FOLDS + [40] * FOLDS
    assert points["fold"].tolist() == [0, 1, 2] * 4
    assert points["accuracy"][-FOLDS:].tolist() == [score["accuracy"] for score in fitted.scores().values()]
