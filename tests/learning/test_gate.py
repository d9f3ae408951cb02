"""When pseudo-labels may make the final model."""

import numpy as np
import pyarrow as pa
import pytest

from kindred.learning import gate
from kindred.runtime.errors import InputError


def models(right_base: str, right_candidate: str, sure: float = 0.8) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels (all of class 0) and two models' probabilities; "1" where a model is right."""
    sides = []
    for text in (right_base, right_candidate):
        p = np.array([sure if mark == "1" else 1 - sure for mark in text])
        sides.append(np.stack([p, 1 - p], axis=1))
    return np.zeros(len(right_base), int), *sides


def test_a_candidate_that_is_better_is_accepted_with_its_difference() -> None:
    decision = gate.decide(*models("1100", "1110"), "no_harm", 5)

    assert decision.accepted
    assert decision.accuracy_difference == 0.25
    assert decision.accuracy_interval[0] <= 0.25 <= decision.accuracy_interval[1]
    assert decision.log_loss_difference == pytest.approx((np.log(0.2) - np.log(0.8)) / 4)


def test_a_candidate_that_is_less_accurate_is_refused() -> None:
    decision = gate.decide(*models("1110", "1100"), "no_harm", 5)

    assert not decision.accepted
    assert decision.reason == "its accuracy is lower"


def test_a_candidate_with_a_worse_log_loss_is_refused() -> None:
    labels, base, _ = models("1100", "1100")
    _, _, candidate = models("1100", "1100", sure=0.99)

    decision = gate.decide(labels, base, candidate, "no_harm", 5)

    assert (decision.accepted, decision.reason) == (False, "its log loss is worse")


def test_the_same_model_does_no_harm_and_shows_no_gain() -> None:
    same = models("1101", "1101")

    assert gate.decide(*same, "no_harm", 5).accepted
    assert not gate.decide(*same, "must_gain", 5).accepted
    assert gate.decide(*same, "no_harm", 5).mcnemar_p == 1


def test_must_gain_wants_the_whole_interval_above_0() -> None:
    small, large = models("10" * 5, "11" * 1 + "10" * 4), models("10" * 50, "11" * 50)

    assert not gate.decide(*small, "must_gain", 5).accepted
    assert gate.decide(*large, "must_gain", 5).accepted


def test_off_takes_anything_but_nothing() -> None:
    assert gate.decide(*models("1111", "0000"), "off", 5).accepted
    assert not gate.decide(*models("1111", "1111"), "off", 0).accepted


def test_an_unknown_rule_is_an_error_that_names_the_known() -> None:
    with pytest.raises(InputError, match="unknown gate 'maybe'; known: no_harm, must_gain, off"):
        gate.decide(*models("1", "1"), "maybe", 5)


def test_mcnemars_p_of_one_loss_and_nine_gains() -> None:
    """Two-sided binomial: 2 * (C(10, 0) + C(10, 1)) / 2^10."""
    decision = gate.decide(*models("1" + "0" * 9, "0" + "1" * 9), "no_harm", 5)

    assert decision.mcnemar_p == pytest.approx(22 / 1024)


def table(model: str, rows: dict[str, list[float]]) -> pa.Table:
    return pa.table({"image_id": list(rows), "model": [model] * len(rows), "probabilities": list(rows.values())})


def test_the_two_tables_are_paired_by_image() -> None:
    labels = pa.table({"image_id": ["b", "a"], "label": ["dog", "cat"]})
    base = table("base", {"a": [0.9, 0.1], "b": [0.4, 0.6]})
    candidate = table("candidate", {"b": [0.2, 0.8], "a": [0.7, 0.3]})

    numbers, one, other = gate.paired(labels, base, candidate, ["cat", "dog"])

    assert numbers.tolist() == [0, 1]
    assert one.tolist() == [[0.9, 0.1], [0.4, 0.6]]
    assert other.tolist() == [[0.7, 0.3], [0.2, 0.8]]


def test_tables_of_other_images_are_an_error() -> None:
    labels = pa.table({"image_id": ["a"], "label": ["cat"]})

    with pytest.raises(InputError, match="not cross-validated on the same given labels"):
        gate.paired(labels, table("base", {"a": [1.0, 0.0]}), table("candidate", {"b": [1.0, 0.0]}), ["cat", "dog"])
