"""Classifiers of images with several labels: what is not known is in no fit and in no score."""

import numpy as np
import pytest

from kindred.learning import label_quotas, multi_label, multi_label_scores, multi_label_training
from kindred.learning.classifiers import logistic_regression
from kindred.learning.multi_label import Labels
from kindred.learning.multi_label_training import Fitted
from kindred.learning.networks import Network

FOLDS = 3


def scenes(count: int, seed: int = 0) -> tuple[np.ndarray, Labels]:
    """Features of 8 numbers, of which the first three say which of three classes an image has: none, or several."""
    rng = np.random.default_rng(seed)
    present = rng.random((count, 3)) < (0.5, 0.3, 0.2)
    features = rng.normal(size=(count, 8)).astype(np.float32)
    features[:, :3] += 2 * present
    return features, Labels(np.ones((count, 3), bool), present)


def fitted(features: np.ndarray, labels: Labels, settings=(0.125,)) -> tuple[np.ndarray, Fitted]:
    fold_of = np.arange(len(features)) % FOLDS
    weights, of_fits = multi_label_training.fold_weights(fold_of, FOLDS), [labels] * (FOLDS + 1)
    return fold_of, multi_label_training.cross_validated(
        logistic_regression, features, of_fits, weights, fold_of, 0, settings
    )


def fit(features: np.ndarray, labels: Labels) -> Network:
    weights = np.ones((1, len(features)))
    return multi_label_training.fit(logistic_regression, features, [labels], weights, 0, 0.125)[0]


def test_each_class_has_a_probability_of_its_own() -> None:
    features, labels = scenes(400)
    others, truth = scenes(400, seed=1)

    network = fit(features, labels)
    values = network.probabilities(others)

    assert values.shape == (400, 3)
    assert ((values >= 0.5) == truth.present).mean() > 0.8
    assert (values.sum(axis=1) > 1.5).any()


def test_a_class_that_is_not_known_of_an_image_does_not_change_its_fit() -> None:
    features, labels = scenes(200)
    known = labels.known.copy()
    known[100:, 1] = False

    part = fit(features, Labels(known, labels.present))
    other = fit(features, Labels(known, labels.present ^ ~known))
    whole = fit(features, labels)
    half = fit(features[:100], labels.of(np.arange(100)))

    np.testing.assert_array_equal(part.layers[0].weights, other.layers[0].weights)
    np.testing.assert_allclose(part.layers[0].weights[:, [0, 2]], whole.layers[0].weights[:, [0, 2]], atol=1e-3)
    assert np.abs(part.layers[0].weights[:, 1] - whole.layers[0].weights[:, 1]).max() > 0.05
    assert np.corrcoef(part.layers[0].weights[:, 1], half.layers[0].weights[:, 1])[0, 1] > 0.99


def test_an_image_is_scored_by_a_network_that_has_not_seen_it() -> None:
    features, labels = scenes(90)

    fold_of, of_all = fitted(features, labels)

    for fold, network in enumerate(of_all.by_fold):
        own = fold_of == fold
        alone = fit(features[~own], labels.of(~own))
        np.testing.assert_allclose(
            network.probabilities(features[own]),
            alone.probabilities(features[own]),
            atol=0.05,
        )
        np.testing.assert_array_equal(of_all.out_of_fold[own], network.probabilities(features[own]))


def test_the_setting_is_that_of_the_least_loss_out_of_fold() -> None:
    features, labels = scenes(60)
    chosen = fitted(features, labels, logistic_regression.SETTINGS)[1].setting

    losses = {
        setting: multi_label.log_losses(fitted(features, labels, (setting,))[1].out_of_fold, labels).mean()
        for setting in logistic_regression.SETTINGS
    }

    assert chosen == min(losses, key=losses.__getitem__)


def test_the_loss_of_an_image_is_the_mean_over_what_is_known_of_it() -> None:
    labels = Labels(np.array([[True, True], [True, False], [False, False]]), np.array([[True, False]] * 3))

    losses = multi_label.log_losses(np.array([[0.5, 0.75], [0.5, 0.75], [0.5, 0.75]]), labels)

    assert losses.tolist() == pytest.approx([(np.log(2) + np.log(4)) / 2, np.log(2), 0])


def test_quotas_keep_the_share_of_each_class() -> None:
    values = np.random.default_rng(0).random((1000, 2))

    pseudo = label_quotas.pseudo_labels(values, np.array([0.1, 0.5]), 0.6)

    assert pseudo.known.sum(axis=0).tolist() == [600, 600]
    assert pseudo.present.sum(axis=0).tolist() == [60, 300]
    assert values[pseudo.present[:, 0], 0].min() > values[~pseudo.present[:, 0], 0].max()
    absent = pseudo.known[:, 0] & ~pseudo.present[:, 0]
    assert values[absent, 0].max() < values[~pseudo.known[:, 0], 0].min()


def test_pseudo_labels_are_taken_only_where_they_lower_the_loss_out_of_fold() -> None:
    features, labels = scenes(60)
    pile, _ = scenes(400, seed=1)
    fold_of, base = fitted(features, labels, logistic_regression.SETTINGS)
    networks, same = [*base.by_fold, base.network], np.repeat(features[:1], 400, axis=0)
    lines: list[str] = []
    of_pile, of_same = ([network.probabilities(images) for network in networks] for images in (pile, same))

    good = label_quotas.choose(features, labels, fold_of, pile, of_pile, 0, lines.append)
    useless = label_quotas.choose(features, labels, fold_of, same, of_same, 0, lines.append)

    losses = {float(line.split("loss ")[1].split()[0]) for line in lines[:4]}
    before = multi_label.log_losses(base.out_of_fold, labels).mean()
    assert good.quota in label_quotas.QUOTAS
    assert min(losses) < before
    assert [one.known.mean(axis=0).round(2).tolist() for one in good.labels] == [[good.quota] * 3] * 4
    assert (useless.quota, sum(one.known.sum() for one in useless.labels)) == (0.0, 0)


def test_a_threshold_lies_where_f1_is_greatest_and_a_rare_class_borrows_that_of_the_others() -> None:
    rng = np.random.default_rng(0)
    present = rng.random((2000, 2)) < (0.5, 0.002)
    values = np.clip(np.where(present, 0.6, 0.2) + rng.normal(0, 0.05, (2000, 2)), 0, 1)

    limits = multi_label_scores.thresholds(values, Labels(np.ones((2000, 2), bool), present))

    assert 0.3 < limits.min() <= limits.max() < 0.55


def test_scores_are_over_known_pairs_alone() -> None:
    known = np.array([[True, True], [True, False], [True, True]])
    present = np.array([[True, False], [False, True], [True, True]])
    values = np.array([[0.9, 0.1], [0.2, 0.0], [0.8, 0.3]])

    scores = multi_label_scores.scores(values, np.array([0.5, 0.5]), Labels(known, present))

    assert scores["mean_average_precision"] == 1.0
    assert scores["hamming_loss"] == pytest.approx(1 / 5)
    assert scores["micro_f1"] == pytest.approx(2 * 2 / 5)
    assert scores["macro_f1"] == pytest.approx(0.5)
    assert scores["subset_accuracy"] == 0.5
    assert (scores["one_error"], scores["ranking_average_precision"]) == (0.0, 1.0)


def test_a_class_that_no_image_has_is_left_out_of_the_means() -> None:
    labels = Labels(np.ones((2, 2), bool), np.array([[True, False], [False, False]]))

    scores = multi_label_scores.scores(np.array([[0.9, 0.2], [0.1, 0.3]]), np.array([0.5, 0.5]), labels)

    assert scores["mean_average_precision"] == scores["macro_f1"] == 1.0


def test_a_class_that_all_known_images_have_has_no_average_precision() -> None:
    labels = Labels(np.ones((2, 2), bool), np.array([[True, True], [True, False]]))

    scores = multi_label_scores.scores(np.array([[0.9, 0.2], [0.8, 0.3]]), np.array([0.5, 0.5]), labels)
    nothing = multi_label_scores.scores(np.array([[0.9], [0.8]]), np.array([0.5]), Labels(*np.ones((2, 2, 1), bool)))

    assert scores["mean_average_precision"] == 0.5
    assert np.isnan(nothing["mean_average_precision"])
