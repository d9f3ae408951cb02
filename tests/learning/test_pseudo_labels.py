"""Which images get a pseudo-label, what a fold may know, and the estimate of how many are right."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from blobs import CLASSES, LABELS, in_each_view, right
from kindred.learning import pseudo_labels
from kindred.learning.folds import ALL
from kindred.learning.pseudo_label_types import GivenLabels, Pool, PseudoLabels, Settings
from kindred.learning.refusal_reasons import BELOW_THRESHOLD, NO_PREDICTION
from kindred.runtime.errors import InputError


def test_each_fold_and_all_have_pseudo_labels(pool, given) -> None:
    assigned = pseudo_labels.assign(pool, given, in_each_view(right(), given), "neighbours", Settings())

    assert sorted(assigned) == [ALL, 0, 1]


def test_a_fold_does_not_know_its_own_labels(pool, given) -> None:
    """With another label on an image of fold 0, fold 0 assigns the same, in the same order of confidence."""
    labels = given.labels.copy()
    labels[0] = (labels[0] + 1) % CLASSES
    assert given.folds[0] == 0
    swapped = GivenLabels(given.rows, labels, given.folds)
    base = in_each_view(right(), given)

    for name in ("neighbours", "confidence", "clusters"):
        one = pseudo_labels.assign(pool, given, base, name, Settings(clusters=3))[0]
        other = pseudo_labels.assign(pool, swapped, base, name, Settings(clusters=3))[0]
        np.testing.assert_array_equal(one.labels, other.labels)
        np.testing.assert_array_equal(one.novelty, other.novelty)
        order = np.argsort(one.confidence, kind="stable")
        assert (np.diff(other.confidence[order]) > -1e-9).all()


def test_an_underconfident_model_that_is_always_right_becomes_confident_by_calibration(pool, given) -> None:
    base = in_each_view(right(0.5), given)

    assigned = pseudo_labels.assign(pool, given, base, "confidence", Settings(threshold=0.9, novelty=False))

    assert assigned[ALL].accepted.all()
    assert assigned[ALL].confidence.min() > 0.94


def test_an_overconfident_model_that_is_right_by_chance_loses_its_confidence(pool, given) -> None:
    base = right(0.999)[np.random.default_rng(1).permutation(len(LABELS))]

    assigned = pseudo_labels.assign(pool, given, in_each_view(base, given), "confidence", Settings(novelty=False))

    assert assigned[ALL].confidence.max() < 0.8
    assert set(assigned[ALL].reasons) == {BELOW_THRESHOLD}


def test_the_threshold_of_the_run_stands_before_the_labellers_own(pool, given) -> None:
    noise = np.random.default_rng(0).dirichlet([1, 1, 1], len(LABELS))
    base = in_each_view(0.5 * right() + 0.5 * noise, given)

    own, low, high = (
        pseudo_labels.assign(pool, given, base, "confidence", Settings(threshold=t, novelty=False))[ALL]
        for t in (None, 0.0, 1.0)
    )

    assert low.accepted.all()
    assert not high.accepted.any()
    np.testing.assert_array_equal(own.accepted, own.confidence >= 0.95)


def test_adaptive_thresholds_are_lower_for_the_class_that_is_behind() -> None:
    labels = np.repeat([0, 1], [90, 10])
    confidence = np.concatenate([np.full(90, 0.96), np.full(2, 0.96), np.full(8, 0.5)])

    thresholds = pseudo_labels.class_thresholds(labels, confidence, 0.95, 2)

    assert thresholds[0] == pytest.approx(0.95)
    assert thresholds[1] == pytest.approx(0.95 * (2 / 90) / (2 - 2 / 90))


def test_a_labeller_without_an_opinion_accepts_no_image(pool, given) -> None:
    settings = Settings(percentile=0, novelty=False)

    assigned = pseudo_labels.assign(pool, given, in_each_view(right(), given), "clusters", settings)

    assert (assigned[ALL].reasons == NO_PREDICTION).sum() > 80


@pytest.mark.parametrize("percentile", [-1, 100.5])
def test_a_percentile_out_of_range_is_an_error(pool, given, percentile: float) -> None:
    with pytest.raises(InputError, match="percentile is .*; it must be from 0 to 100"):
        pseudo_labels.assign(pool, given, in_each_view(right(), given), "clusters", Settings(percentile=percentile))


def test_more_clusters_than_images_are_an_error(pool, given) -> None:
    with pytest.raises(InputError, match="121 clusters of 120 images"):
        pseudo_labels.assign(pool, given, in_each_view(right(), given), "clusters", Settings(clusters=121))


def test_an_unknown_labeller_is_an_error_that_names_the_known(pool, given) -> None:
    with pytest.raises(
        InputError, match="unknown labeller 'guess'; known: clusters, confidence, consensus, heads, neighbours"
    ):
        pseudo_labels.assign(pool, given, in_each_view(right(), given), "guess", Settings())


def test_estimated_precision_is_right_for_a_model_that_is_right_seven_times_in_ten() -> None:
    rng = np.random.default_rng(0)
    n = 3000
    labels = rng.integers(0, CLASSES, n)
    predicted = np.where(rng.random(n) < 0.7, labels, (labels + 1) % CLASSES)
    rows = np.arange(400)
    given = GivenLabels(rows, labels[rows], rows % 2)
    pseudo = PseudoLabels(predicted, np.full(n, 0.9), np.full(n, "", dtype=object), np.zeros(n), {})
    unlabelled = np.arange(400, n)

    precision = pseudo_labels.estimated_precision(dict.fromkeys((0, 1, ALL), pseudo), given, unlabelled)

    true = (predicted == labels)[unlabelled].mean()
    assert precision["estimated_precision"] == pytest.approx(true, abs=0.05)
    assert precision["estimated_precision_low"] < true < precision["estimated_precision_high"]


def test_few_labels_that_are_all_right_do_not_make_the_estimate_certain() -> None:
    """Ten labels in two folds count as 10 / 3 trials: Wilson's interval begins at 3.33 / (3.33 + 1.96^2)."""
    rows = np.arange(10)
    given = GivenLabels(rows, rows % 2, rows // 2 % 2)
    pseudo = PseudoLabels(np.arange(20) % 2, np.ones(20), np.full(20, "", dtype=object), np.zeros(20), {})

    precision = pseudo_labels.estimated_precision(dict.fromkeys((0, 1, ALL), pseudo), given, np.arange(10, 20))

    assert precision["estimated_precision"] == precision["estimated_precision_high"] == 1
    assert precision["estimated_precision_low"] == pytest.approx(0.4646, abs=1e-4)


def test_without_an_accepted_image_there_is_no_estimate() -> None:
    given = GivenLabels(np.array([0, 1]), np.array([0, 1]), np.array([0, 1]))
    pseudo = PseudoLabels(np.zeros(4, int), np.ones(4), np.full(4, BELOW_THRESHOLD, dtype=object), np.zeros(4), {})

    assert pseudo_labels.estimated_precision(dict.fromkeys((0, 1, ALL), pseudo), given, np.array([2, 3])) == {}


def test_a_labeller_that_uses_no_neighbours_makes_no_graph(pool, given) -> None:
    assigned = pseudo_labels.assign(pool, given, in_each_view(right(), given), "confidence", Settings(novelty=False))

    assert "affinities" not in vars(pool)
    assert assigned[ALL].novelty is None


@pytest.mark.slow  # seconds
def test_the_number_of_threads_of_matrix_products_changes_no_bit() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 600)
    features = (rng.normal(size=(3, 256))[labels] + 2 * rng.normal(size=(600, 256))).astype(np.float32)
    given = GivenLabels(np.arange(100), labels[:100], np.arange(100) % 2)
    base = in_each_view(np.full((600, 3), 1 / 3), given)

    made = []
    for threads in (1, 4):
        pool = Pool(np.array([f"{number:03}" for number in range(600)]), features, threads=1)
        with threadpool_limits(threads, "blas"):
            made.append(pseudo_labels.assign(pool, given, base, "heads", Settings()))

    for fold, own in made[0].items():
        assert np.array_equal(own.confidence, made[1][fold].confidence)
