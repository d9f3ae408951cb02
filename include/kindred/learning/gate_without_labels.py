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

    Where truth is known, with one label a class on representatives, the candidate was better than base in every draw
    (docs/figures.md), so it is accepted.

    >>> decide("must_gain", pseudo_labels=100)
    Untested(accepted=False, reason='no given label can be held out, so no gain can be shown')
    """
    if not pseudo_labels:
        return Untested(False, "there is no pseudo-label, so final is base")
    if criterion == "off":
        return Untested(True, "the gate is off")
    if criterion == "must_gain":
        return Untested(False, "no given label can be held out, so no gain can be shown")
    return Untested(True, "untested, as no given label can be held out; with one label a class it is usually better")
