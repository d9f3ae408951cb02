"""Temperatures and pools."""

import numpy as np
import pytest

from kindred.learning import calibration


def simulator(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities [n, 3], and labels drawn from them: calibrated by construction."""
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet([1, 1, 1], n)
    labels = (rng.random(n)[:, None] > probabilities.cumsum(axis=1)).sum(axis=1)
    return probabilities, labels


def test_what_is_calibrated_has_the_weight_1() -> None:
    probabilities, labels = simulator(20_000)

    assert calibration.pool_weights([probabilities], labels) == pytest.approx([1], abs=0.05)


@pytest.mark.parametrize("at", [0.5, 2.0])
def test_a_temperature_that_was_applied_is_found_again(at: float) -> None:
    probabilities, labels = simulator(20_000)

    weights = calibration.pool_weights([calibration.pool([probabilities], [1 / at])], labels)

    assert weights == pytest.approx([at], rel=0.05)


def test_of_two_models_the_informed_one_gets_the_weight() -> None:
    probabilities, labels = simulator(20_000)
    noise, _ = simulator(20_000, seed=1)

    informed, useless = calibration.pool_weights([probabilities, noise], labels)

    assert informed == pytest.approx(1, abs=0.05)
    assert useless == pytest.approx(0, abs=0.05)


def test_with_the_weight_1_nothing_changes() -> None:
    probabilities, _ = simulator(10)

    np.testing.assert_allclose(calibration.pool([probabilities], [1]), probabilities, atol=1e-5)


def test_a_small_weight_flattens_and_keeps_the_order() -> None:
    pooled = calibration.pool([np.array([[0.7, 0.2, 0.1]])], [1 / 3])

    assert pooled[0, 0] < 0.7
    assert pooled[0, 0] > pooled[0, 1] > pooled[0, 2]
    assert pooled.sum() == pytest.approx(1)


def test_two_models_with_the_weight_1_are_multiplied() -> None:
    pooled = calibration.pool([np.array([[0.8, 0.2]]), np.array([[0.5, 0.5]])], [1, 1])

    np.testing.assert_allclose(pooled, [[0.8, 0.2]])


def test_five_right_answers_of_five_do_not_make_certain() -> None:
    right = np.tile([0.6, 0.4], (5, 1))

    weights = calibration.pool_weights([right], np.zeros(5, int))

    assert calibration.pool([right], weights)[0, 0] == pytest.approx(5.5 / 6, abs=1e-3)


@pytest.mark.parametrize(("models", "weight"), [(1, 1.0), (4, 0.5)])
def test_without_labels_the_weights_are_those_expected(models: int, weight: float) -> None:
    weights = calibration.pool_weights([np.zeros((0, 3))] * models, np.zeros(0, int))

    assert weights.tolist() == [weight] * models


def test_few_labels_do_not_decide_between_models() -> None:
    """Five labels, of which one model knows four and the other three."""
    first, second = np.tile([0.9, 0.1], (5, 1)), np.tile([0.9, 0.1], (5, 1))
    first[4], second[3:] = [0.1, 0.9], [0.1, 0.9]

    better, worse = calibration.pool_weights([first, second], np.zeros(5, int))

    assert worse < better < 2 * worse
