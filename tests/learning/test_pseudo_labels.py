"""Calibration, thresholds, images out of distribution, and what a fold may know."""

import numpy as np
import pytest

from kindred.features import neighbours
from kindred.learning import pseudo_labels
from kindred.learning.pseudo_label_types import ALL, Given, Pool, Settings, Verdict
from kindred.learning.refusal_reasons import BELOW_THRESHOLD, NO_PREDICTION, OUT_OF_DISTRIBUTION
from kindred.runtime.errors import InputError

CLASSES = 3
LABELS = np.repeat(np.arange(CLASSES), 40)


def blobs(seed: int = 0, spread: float = 0.6) -> np.ndarray:
    chance = np.random.default_rng(seed)
    return (np.eye(6)[LABELS] * 4 + chance.normal(size=(len(LABELS), 6)) * spread).astype(np.float32)


@pytest.fixture
def pool() -> Pool:
    return Pool(np.array([f"{i:03d}" for i in range(len(LABELS))]), blobs(), threads=1)


@pytest.fixture
def given() -> Given:
    """Four labels of each class, in two folds."""
    rows = np.concatenate([np.flatnonzero(LABELS == c)[:4] for c in range(CLASSES)])
    return Given(rows, LABELS[rows], np.tile([0, 1], 6))


def sure(share: float = 0.9) -> np.ndarray:
    """Probabilities of a model that is right everywhere."""
    return np.where(np.eye(CLASSES)[LABELS] == 1, share, (1 - share) / (CLASSES - 1))


def everywhere(base: np.ndarray, given: Given) -> dict[int, np.ndarray]:
    return dict.fromkeys(given.views(), base)


def test_each_fold_and_all_have_a_verdict(pool, given) -> None:
    found = pseudo_labels.decide(pool, given, everywhere(sure(), given), "neighbours", Settings())

    assert sorted(found) == [ALL, 0, 1]


def test_a_fold_does_not_know_its_own_labels(pool, given) -> None:
    """With another label on an image of fold 0, fold 0 says the same, in the same order of confidence."""
    labels = given.labels.copy()
    labels[0] = (labels[0] + 1) % CLASSES
    assert given.folds[0] == 0
    swapped = Given(given.rows, labels, given.folds)
    base = everywhere(sure(), given)

    for name in ("neighbours", "confidence", "clusters"):
        one = pseudo_labels.decide(pool, given, base, name, Settings(clusters=3))[0]
        other = pseudo_labels.decide(pool, swapped, base, name, Settings(clusters=3))[0]
        np.testing.assert_array_equal(one.labels, other.labels)
        np.testing.assert_array_equal(one.novelty, other.novelty)
        order = np.argsort(one.confidence, kind="stable")
        assert (np.diff(other.confidence[order]) > -1e-9).all()


def test_a_timid_model_that_is_always_right_becomes_sure_by_calibration(pool, given) -> None:
    found = pseudo_labels.decide(
        pool, given, everywhere(sure(0.5), given), "confidence", Settings(threshold=0.9, novelty=False)
    )

    assert found[ALL].accepted.all()
    assert found[ALL].confidence.min() > 0.94


def test_a_boastful_model_that_is_right_at_chance_loses_its_confidence(pool, given) -> None:
    base = sure(0.999)[np.random.default_rng(1).permutation(len(LABELS))]

    found = pseudo_labels.decide(pool, given, everywhere(base, given), "confidence", Settings(novelty=False))

    assert found[ALL].confidence.max() < 0.8
    assert set(found[ALL].reasons) == {BELOW_THRESHOLD}


def test_consensus_trusts_the_part_that_is_right(pool, given) -> None:
    """The base model knows nothing; the neighbours do."""
    base = everywhere(np.random.default_rng(0).dirichlet([1, 1, 1], len(LABELS)), given)

    found = pseudo_labels.decide(pool, given, base, "consensus", Settings(novelty=False))[ALL]

    assert (found.labels == LABELS).mean() > 0.95
    assert sorted(found.opinions) == ["confidence", "consensus", "neighbours"]


def test_consensus_may_be_one_part_alone(pool, given) -> None:
    """The base model is right of fold 0 and wrong of fold 1, so what suits one fold misleads the other."""
    right, wrong = sure(), np.roll(sure(), 1, axis=1)
    base = {0: right, 1: wrong, ALL: right}

    found = pseudo_labels.decide(pool, given, base, "consensus", Settings(novelty=False))[ALL]

    np.testing.assert_array_equal(found.opinions["consensus"], found.opinions["neighbours"])


def test_the_threshold_of_the_run_stands_before_the_labellers_own(pool, given) -> None:
    chance = np.random.default_rng(0).dirichlet([1, 1, 1], len(LABELS))
    base = everywhere(0.5 * sure() + 0.5 * chance, given)

    own, low, high = (
        pseudo_labels.decide(pool, given, base, "confidence", Settings(threshold=t, novelty=False))[ALL]
        for t in (None, 0.0, 1.0)
    )

    assert low.accepted.all()
    assert not high.accepted.any()
    np.testing.assert_array_equal(own.accepted, own.confidence >= 0.95)


def test_adaptive_thresholds_let_in_more_of_the_class_that_is_behind() -> None:
    labels = np.repeat([0, 1], [90, 10])
    confidence = np.concatenate([np.full(90, 0.96), np.full(2, 0.96), np.full(8, 0.5)])

    found = pseudo_labels._class_thresholds(labels, confidence, 0.95, 2)

    assert found[0] == pytest.approx(0.95)
    assert found[1] == pytest.approx(0.95 * (2 / 90) / (2 - 2 / 90))


def test_images_far_from_every_known_label_are_out_of_distribution(given) -> None:
    features = blobs(spread=0.3)
    strangers = np.flatnonzero(LABELS == 2)
    known = Given(given.rows[:8], given.labels[:8], given.folds[:8])
    pool = Pool(np.arange(len(LABELS)).astype(str), features, threads=1)

    found = pseudo_labels.decide(pool, known, everywhere(sure(), known), "neighbours", Settings())[ALL]

    assert (found.reasons[strangers] == OUT_OF_DISTRIBUTION).mean() > 0.9
    others = np.setdiff1d(np.arange(len(LABELS)), [*strangers, *known.rows])
    assert (found.reasons[others] == OUT_OF_DISTRIBUTION).mean() < 0.3


def test_where_few_are_far_away_nobody_is_kept_out(pool) -> None:
    """Every class is given: above a threshold that 3 % of the known pass there is no more than chance."""
    rows = np.flatnonzero(np.arange(len(LABELS)) % 2)
    given = Given(rows, LABELS[rows], np.arange(len(rows)) % 5)
    found = pseudo_labels.decide(pool, given, everywhere(sure(), given), "neighbours", Settings())[ALL]

    assert OUT_OF_DISTRIBUTION not in found.reasons
    assert found.novelty is not None


def test_a_threshold_is_worth_it_when_twice_as_many_are_above_it_as_known_ones_would_be() -> None:
    held_out, nobody = np.arange(100.0), np.array([], int)
    few, many = np.zeros(100), np.zeros(100)
    few[:5], many[:6] = 1000, 1000

    assert not pseudo_labels._strange(few, held_out, nobody).any()
    assert pseudo_labels._strange(many, held_out, nobody).sum() == 6


def test_a_labeller_without_an_opinion_lets_nobody_in(pool, given) -> None:
    found = pseudo_labels.decide(
        pool, given, everywhere(sure(), given), "clusters", Settings(percentile=0, novelty=False)
    )

    assert (found[ALL].reasons == NO_PREDICTION).sum() > 80


@pytest.mark.parametrize("percentile", [-1, 100.5])
def test_a_percentile_out_of_range_is_an_error(pool, given, percentile: float) -> None:
    with pytest.raises(InputError, match="percentile is .*; it must be from 0 to 100"):
        pseudo_labels.decide(pool, given, everywhere(sure(), given), "clusters", Settings(percentile=percentile))


def test_more_clusters_than_images_are_an_error(pool, given) -> None:
    with pytest.raises(InputError, match="121 clusters of 120 images"):
        pseudo_labels.decide(pool, given, everywhere(sure(), given), "clusters", Settings(clusters=121))


def test_an_unknown_labeller_is_an_error_that_names_the_known(pool, given) -> None:
    with pytest.raises(
        InputError, match="unknown labeller 'guess'; known: clusters, confidence, consensus, neighbours"
    ):
        pseudo_labels.decide(pool, given, everywhere(sure(), given), "guess", Settings())


def test_features_that_do_not_fit_are_an_error_that_says_what_to_do() -> None:
    pseudo_labels.check_size(1_000_000, 1280)

    with pytest.raises(InputError, match="3,000,000 images take 14 GiB"):
        pseudo_labels.check_size(3_000_000, 1280)


def test_estimated_precision_is_right_for_a_model_that_is_right_seven_times_in_ten() -> None:
    chance = np.random.default_rng(0)
    n = 3000
    labels = chance.integers(0, CLASSES, n)
    told = np.where(chance.random(n) < 0.7, labels, (labels + 1) % CLASSES)
    rows = np.arange(400)
    given = Given(rows, labels[rows], rows % 2)
    verdict = Verdict(told, np.full(n, 0.9), np.full(n, "", dtype=object), np.zeros(n), {})
    unlabelled = np.arange(400, n)

    found = pseudo_labels.precision(dict.fromkeys((0, 1, ALL), verdict), given, unlabelled)

    true = (told == labels)[unlabelled].mean()
    assert found["estimated_precision"] == pytest.approx(true, abs=0.05)
    assert found["estimated_precision_low"] < true < found["estimated_precision_high"]


def test_without_an_accepted_image_there_is_no_estimate() -> None:
    given = Given(np.array([0, 1]), np.array([0, 1]), np.array([0, 1]))
    verdict = Verdict(np.zeros(4, int), np.ones(4), np.full(4, BELOW_THRESHOLD, dtype=object), np.zeros(4), {})

    assert pseudo_labels.precision(dict.fromkeys((0, 1, ALL), verdict), given, np.array([2, 3])) == {}


def test_the_nearest_given_images_are_of_the_same_blob(pool, given) -> None:
    found = pseudo_labels.nearest_given(pool, given, np.array([39, 119]))

    own = [[pool.ids[r] for r in given.rows[given.labels == c]] for c in (0, 2)]
    assert found.shape == (2, 3)
    assert set(found[0]) <= set(own[0])
    assert set(found[1]) <= set(own[1])


def test_the_graph_is_kept_for_the_next_run(tmp_path, given) -> None:
    path = tmp_path / "graph.npz"
    first = Pool(np.arange(len(LABELS)).astype(str), blobs(), 1, path).affinities
    again = Pool(np.arange(len(LABELS)).astype(str), np.zeros((len(LABELS), 6), np.float32), 1, path).affinities

    assert path.exists()
    assert (first != again).nnz == 0


def test_who_needs_no_neighbours_makes_no_graph(pool, given) -> None:
    found = pseudo_labels.decide(pool, given, everywhere(sure(), given), "confidence", Settings(novelty=False))

    assert "affinities" not in vars(pool)
    assert found[ALL].novelty is None


def test_labels_are_spread_once_for_each_view_and_reach(pool, given, monkeypatch) -> None:
    """The labeller wants both reaches, the novelty score one of them."""
    calls, spread = [], neighbours.spread
    monkeypatch.setattr(neighbours, "spread", lambda *arguments: calls.append(1) or spread(*arguments))

    pseudo_labels.decide(pool, given, everywhere(sure(), given), "consensus", Settings())

    assert len(calls) == 2 * len(given.views())
