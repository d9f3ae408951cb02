"""The gate where nothing can be held out."""

import pytest

from kindred.learning import gate, gate_without_labels


@pytest.mark.parametrize(("criterion", "accepted"), [("no_harm", True), ("must_gain", False), ("off", True)])
def test_a_gain_cannot_be_shown_and_harm_is_not_expected(criterion: str, accepted: bool) -> None:
    decision = gate_without_labels.decide(criterion, pseudo_labels=9)

    assert criterion in gate.CRITERIA
    assert decision.accepted is accepted
    assert decision.figures() == {"gate/accepted": int(accepted)}
    assert decision.summary().startswith("accepted: " if accepted else "refused: ")


def test_without_pseudo_labels_final_is_base() -> None:
    assert not gate_without_labels.decide("off", pseudo_labels=0).accepted
