"""Intervals of means, shares and of what resamples have, with numbers that can be checked by hand."""

import numpy as np
import pytest

from kindred.learning import intervals


def test_the_interval_of_a_mean_is_two_standard_errors_to_each_side_and_the_same_every_time() -> None:
    values = np.tile([0.0, 1.0], 200)

    low, high = intervals.mean_interval(values)

    assert (low, high) == pytest.approx((0.45, 0.55), abs=0.005)  # 1.96 * sqrt(0.25 / 400)
    assert intervals.mean_interval(values) == (low, high)


def test_an_interval_holds_its_estimate_and_most_of_what_resamples_have() -> None:
    values = np.random.default_rng(0).normal(3, 1, 4000)

    low, high = intervals.bias_corrected_interval(values, 3.0)

    assert (low, high) == pytest.approx((3 - 1.96, 3 + 1.96), abs=0.15)
    assert intervals.bias_corrected_interval(values + 9, 3.0)[0] == 3.0


def test_without_a_bias_the_two_kinds_of_percentiles_are_the_same() -> None:
    values = np.random.default_rng(0).normal(size=501)

    corrected = intervals.bias_corrected_interval(values, float(np.median(values)))

    assert corrected == pytest.approx(intervals.percentile_interval(values))


def test_resamples_without_a_value_do_not_count() -> None:
    values = np.arange(201.0)

    with_gaps = np.concatenate([values, [np.nan] * 50])

    assert intervals.bias_corrected_interval(with_gaps, 100.0) == intervals.bias_corrected_interval(values, 100.0)


def test_the_interval_of_a_share_is_wilsons_and_not_empty_at_the_ends() -> None:
    assert intervals.share_interval(20, 20) == pytest.approx((0.839, 1), abs=1e-3)
    assert intervals.share_interval(0, 20) == pytest.approx((0, 1 - 0.839), abs=1e-3)
    assert intervals.share_interval(1, 4) == pytest.approx((0.046, 0.699), abs=1e-3)
    assert intervals.share_interval(0, 0) == (0, 1)
