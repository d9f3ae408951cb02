"""The fits in single processes, and what they are scored by."""

import dataclasses

import numpy as np
import pytest

from kindred.learning import cross_validation
from kindred.learning.cross_validation import Fitted, OutOfFold
from kindred.learning.folds import ALL
from kindred.learning.training_plan import Examples, make_examples
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

    fitted = cross_validation.fit(
        lambda: spark, make_examples(plan, ids, features), ids, module, 2, FOLDS, 0, messages.append
    )

    assert sorted(fitted.networks) == [ALL, 0, 1, 2]
    assert fitted.setting in module.SETTINGS
    for fold, (held_out, true, probabilities) in fitted.out_of_fold.items():
        seen = (plan["fold"] != fold).to_numpy()
        alone = module.fit(features[seen], labels[seen], np.ones(seen.sum()), 2, 0, fitted.setting)
        assert held_out.tolist() == ids[~seen].tolist()
        assert true.tolist() == labels[~seen].tolist()
        np.testing.assert_allclose(probabilities, alone.probabilities(features[~seen]), atol=0.01)


@pytest.mark.parametrize("change", ["labels", "weights"])
def test_a_fold_is_fitted_as_if_its_own_labels_were_not_there(change: str) -> None:
    ids, features, labels = clouds()
    module = variants.load("classifier", "logistic_regression")
    plan = given_plan(ids, labels)
    examples = make_examples(plan, ids, features)
    row_sets = [examples.training_rows(fold) for fold in range(FOLDS)]
    hidden = examples.held_out_rows(0)
    values = getattr(examples, change).copy()
    values[hidden] = 1 - values[hidden] if change == "labels" else 7

    networks, others = (
        module.fit_folds(*one.masked(row_sets), 2, 0, 0.025)
        for one in (examples, dataclasses.replace(examples, **{change: values}))
    )

    assert networks[0].to_bytes() == others[0].to_bytes()
    assert networks[1].to_bytes() != others[1].to_bytes()


def test_rows_become_labels_and_weights_of_the_images_that_any_set_holds() -> None:
    features = np.arange(4.0)[:, None]
    rows, labels, weights = np.array([3, 1, 0]), np.array([1, 0, 1]), np.array([1, 0.5, 1])
    examples = Examples(features, rows, labels, weights, np.ones(3, dtype=bool), np.zeros(3, int))

    held, by_set, weighted = examples.masked([np.array([0]), np.array([0, 1])])

    assert held.tolist() == [[1], [3]]
    assert by_set.tolist() == [[0, 1], [0, 1]]
    assert weighted.tolist() == [[0, 1], [0.5, 1]]
    assert examples.masked([np.array([0, 1, 2])])[0].tolist() == [[0], [1], [3]]


def fitted_with(setting: float, losses: list[float]) -> Fitted:
    """A model whose held-out labels have these log losses."""
    right = np.exp(-np.array(losses))
    ids = np.array([str(i) for i in range(len(losses))])
    probabilities = np.stack([right, 1 - right], axis=1)
    return Fitted(setting=setting, out_of_fold={0: OutOfFold(ids, np.zeros(len(losses), int), probabilities)})


@pytest.mark.parametrize(
    ("usual", "other", "setting"),
    [([0.5, 0.6, 0.5, 0.6], [0.4, 0.5, 0.4, 0.5], 9), ([0.5, 0.6, 0.5, 0.6], [0.1, 0.9, 0.1, 0.9], 1)],
)
def test_another_setting_is_taken_where_it_is_clearly_better(usual, other, setting: float) -> None:
    chosen = cross_validation.chosen({9: fitted_with(9, other), 1: fitted_with(1, usual)}, 1)

    assert chosen.setting == setting


@pytest.mark.spark
def test_settings_are_tried_until_one_is_worse(spark, messages: list[str]) -> None:
    ids, features, labels = clouds()
    module = variants.load("classifier", "logistic_regression")
    usual = cross_validation.usual_setting(module)

    examples = make_examples(given_plan(ids, labels), ids, features)
    fitted = cross_validation.fit(lambda: spark, examples, ids, module, 2, FOLDS, 0, messages.append)

    *tried, last = messages
    settings = [float(line.split()[2].rstrip(":")) for line in tried]
    losses = [float(line.rsplit(" ", 1)[1]) for line in tried]
    assert usual in settings
    assert last.startswith(f"setting {fitted.setting:g} is taken")
    assert fitted.log_losses().mean() == pytest.approx(losses[settings.index(fitted.setting)], abs=1e-4)
    assert [row["setting"] for row in fitted.grid] == sorted(settings)
    assert [row["setting"] for row in fitted.grid if row["chosen"]] == [fitted.setting]
    figures = fitted.figures("base")
    for score in ("log_loss_mean", "accuracy_std"):
        assert figures[f"base/grid/{fitted.setting:g}/{score}"] == figures[f"base/cv/{score}"]
    in_order = losses[:-1] if settings[-1] == usual and settings != sorted(settings) else losses
    assert all(one > other for one, other in zip(in_order[:-1], in_order[1:-1], strict=False))


@pytest.mark.spark
def test_the_learning_curve_ends_with_the_accuracy_of_each_folds_own_model(spark, messages: list[str]) -> None:
    ids, features, labels = clouds()
    module = variants.load("classifier", "logistic_regression")
    examples = make_examples(given_plan(ids, labels), ids, features)
    fitted = cross_validation.fit(lambda: spark, examples, ids, module, 2, FOLDS, 0, messages.append)

    points = cross_validation.learning_curve_points(lambda: spark, examples, ids, module, 2, fitted, seed=0)

    assert points["labels"].tolist() == [5] * FOLDS + [10] * FOLDS + [20] * FOLDS + [40] * FOLDS
    assert points["fold"].tolist() == [0, 1, 2] * 4
    assert points["accuracy"][-FOLDS:].tolist() == [score["accuracy"] for score in fitted.scores().values()]
