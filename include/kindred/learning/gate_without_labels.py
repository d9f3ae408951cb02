"""The gate's decision where no given label can be held out, as most classes have one: nothing can be tested then."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Untested:
    """Whether the candidate becomes the final model, and why; without any figure of the two models."""

    accepted: bool
    reason: str

    def figures(self) -> dict[str, float]:
        """The figure of the stage, by name."""
        return {"gate/accepted": int(self.accepted)}

    def summary(self) -> str:
        """The decision in one line, for the console."""
        return f"{'accepted' if self.accepted else 'refused'}: {self.reason}"


def decide(criterion: str, pseudo_labels: float) -> Untested:
    """The decision by one of `gate.CRITERIA`. `pseudo_labels`: how many there are.

    What so few labels leave is the expected loss: over draws with known truth the candidate's is far below base's.

    >>> decide("must_gain", pseudo_labels=100)
    Untested(accepted=False, reason='no given label can be held out, so no gain can be shown')
    """
    if not pseudo_labels:
        return Untested(False, "there is no pseudo-label, so final is base")
    if criterion == "off":
        return Untested(True, "the gate is off")
    if criterion == "must_gain":
        return Untested(False, "no given label can be held out, so no gain can be shown")
    return Untested(True, "no given label can be held out to test it; with so few its expected loss is lower")
