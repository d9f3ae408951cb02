"""When pseudo-labels may make the final model."""

import numpy as np
import pyarrow as pa
import pytest

from kindred.learning import gate
from kindred.learning.multi_label import Labels
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


def test_with_few_labels_a_worse_brier_score_is_refused() -> None:
    labels, base, _ = models("1100", "1100")
    _, _, candidate = models("1100", "1100", sure=0.99)

    decision = gate.decide(labels, base, candidate, "no_harm", 5)

    reason = "its expected Brier score is worse (4 given labels are too few for a test)"
    assert (decision.accepted, decision.reason) == (False, reason)


def test_with_few_labels_a_gain_of_one_label_is_too_little_where_others_lose() -> None:
    """The mean Brier score is lower, but less than two labels more could outweigh."""
    assert gate.decide(*models("0110" * 5, "1010" * 5), "no_harm", 5).log_loss_difference == 0
    assert not gate.decide(*models("0110" * 5 + "0", "1010" * 5 + "1"), "no_harm", 5).accepted
    assert gate.decide(*models("0110" * 5 + "0" * 3, "1010" * 5 + "1" * 3), "no_harm", 5).accepted


def test_with_few_labels_one_sure_mistake_does_not_decide() -> None:
    """The candidate is right of 20 labels more, and very sure of one that it takes for the other class."""
    labels, base, candidate = models("1" * 80 + "0" * 20, "1" * 100)
    candidate[0] = [1e-40, 1]

    decision = gate.decide(labels, base, candidate, "no_harm", 5)

    assert decision.log_loss_difference > 0
    assert decision.accepted


def test_one_image_of_many_does_not_decide() -> None:
    """Of 1,000 labels the candidate wins 9 and loses 10, with a better log loss: no harm is found."""
    labels, base, _ = models("0" * 9 + "1" * 991, "1" * 1000)
    candidate = models("1" * 9 + "0" * 10 + "1" * 981, "1" * 1000, sure=0.85)[1]

    decision = gate.decide(labels, base, candidate, "no_harm", 5)

    assert decision.accuracy_difference == pytest.approx(-0.001)
    assert (decision.accepted, decision.reason) == (True, "a paired test finds neither accuracy nor log loss worse")


def test_a_loss_of_accuracy_that_n_labels_can_tell_is_refused() -> None:
    """1.28 standard errors of 10 labels on which the models disagree, and one more, are 4.25 labels: a difference of 4
    passes (3 won, 7 lost), one of 6 does not (2 won, 8 lost). What is won is sure, so the log loss is better.
    """
    decisions = []
    for won in (3, 2):
        labels, base, _ = models("0" * won + "1" * 197, "1" * (197 + won), sure=0.999)
        candidate = models("1" * won + "0" * (10 - won) + "1" * (187 + won), "1" * (197 + won), sure=0.55)[1]
        candidate[10:] = [0.9999, 0.0001]
        decisions.append(gate.decide(labels, base, candidate, "no_harm", 5))

    assert [d.accepted for d in decisions] == [True, False]
    assert decisions[1].reason == "a paired test finds its accuracy lower"


def test_a_worse_log_loss_of_many_labels_is_refused_by_the_test() -> None:
    labels, base, _ = models("1" * 150 + "0" * 50, "1" * 200)
    candidate = models("1" * 150 + "0" * 50, "1" * 200, sure=0.95)[1]

    decision = gate.decide(labels, base, candidate, "no_harm", 5)

    assert (decision.accepted, decision.reason) == (False, "a paired test finds its log loss worse")


def test_the_margins_follow_from_the_number_of_labels() -> None:
    """1.645 + 1.282 standard errors: of 3 labels on which the models disagree, and one more, of 100 or 400."""
    hundred, four = (gate.decide(*models("0001" + "1" * n, "1111" + "1" * n), "no_harm", 5) for n in (96, 396))

    assert hundred.accuracy_margin == pytest.approx(2.926 * 2 / 100, abs=1e-4)
    assert four.accuracy_margin == pytest.approx(2.926 * 2 / 400, abs=1e-4)
    assert hundred.figures()["gate/margin"] == hundred.accuracy_margin
    assert four.log_loss_margin < hundred.log_loss_margin


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


def test_of_several_labels_an_image_what_is_not_known_decides_nothing() -> None:
    labels = Labels(known=np.array([[True, False], [True, True]]), present=np.array([[True, True], [False, True]]))
    thresholds = np.array([0.5, 0.5])
    base = gate.Predicted(np.array([[0.4, 0.1], [0.4, 0.4]]), thresholds)
    candidate = gate.Predicted(np.array([[0.8, 0.9], [0.2, 0.4]]), thresholds)

    decision = gate.decide_label_sets(labels, base, candidate, "off", 5)
    worse = gate.decide_label_sets(labels, candidate, base, "no_harm", 5)

    assert (decision.accepted, worse.accepted) == (True, False)
    assert "out-of-fold share of known classes said rightly +0.5000" in decision.summary()
    assert decision.accuracy_difference == 0.5  # of the first image its one known class; of the second half, as before
    second = (np.log(0.8) - np.log(0.6)) / 2
    assert decision.log_loss_difference == pytest.approx(-((np.log(0.8) - np.log(0.4)) + second) / 2)


def test_of_several_labels_an_image_the_tables_are_paired_by_their_ids() -> None:
    labels = pa.table({"image_id": ["a", "a", "b"], "label": ["x", "y", "x"], "present": [True, False, False]})
    base = pa.table({"image_id": ["b", "a"], "probabilities": [[0.1, 0.2], [0.3, 0.4]]})
    candidate = pa.table({"image_id": ["a", "b"], "probabilities": [[0.5, 0.6], [0.7, 0.8]]})

    known, of_base, of_candidate = gate.paired_label_sets(labels, base, candidate, ["x", "y"])

    assert known.known.tolist() == [[True, True], [True, False]]
    assert (of_base.tolist(), of_candidate.tolist()) == ([[0.3, 0.4], [0.1, 0.2]], [[0.5, 0.6], [0.7, 0.8]])
    with pytest.raises(InputError, match="train both again"):
        gate.paired_label_sets(labels, base, candidate.slice(1), ["x", "y"])
