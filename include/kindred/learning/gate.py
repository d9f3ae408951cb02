"""Is the candidate, trained with pseudo-labels, at least as good as base? Decided on given labels that neither saw.

Each given label has two out-of-fold predictions, by base and by the candidate of a fold whose whole chain (base,
pseudo-labels, candidate) did without it. Source of the test: Q. McNemar (Psychometrika 1947), in its exact form.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from kindred.learning import intervals, metrics
from kindred.learning.class_numbers import class_numbers
from kindred.runtime import arrow
from kindred.runtime.errors import InputError

RULES = {
    "no_harm": "out-of-fold log loss not worse and accuracy not lower",
    "must_gain": "the interval of the difference in out-of-fold accuracy lies above 0",
    "off": "the candidate is always taken",
}


@dataclass(frozen=True)
class Decision:
    """Differences are candidate minus base: of accuracy (with a 95 % interval) and of log loss (likewise)."""

    accepted: bool
    reason: str
    difference: float
    interval: tuple[float, float]
    log_loss: float
    log_loss_interval: tuple[float, float]
    p: float  # McNemar's exact test: that both are right equally often

    def figures(self) -> dict[str, float]:
        return {
            "gate/accepted": int(self.accepted),
            "gate/difference": self.difference,
            "gate/low": self.interval[0],
            "gate/high": self.interval[1],
            "gate/log_loss_difference": self.log_loss,
            "gate/log_loss_low": self.log_loss_interval[0],
            "gate/log_loss_high": self.log_loss_interval[1],
            "gate/mcnemar_p": self.p,
        }

    def summary(self) -> str:
        low, high = self.interval
        return (
            f"{'accepted' if self.accepted else 'refused'}, {self.reason}: out-of-fold accuracy {self.difference:+.4f} "
            f"({low:+.4f} to {high:+.4f}), log loss {self.log_loss:+.4f}"
        )


def decide(labels: np.ndarray, base: np.ndarray, candidate: np.ndarray, rule: str, pseudo_labels: float) -> Decision:
    """The decision by one of RULES from labels [n] and two models' out-of-fold probabilities [n, classes] of them."""
    if rule not in RULES:
        raise InputError(f"unknown gate {rule!r}; known: {', '.join(RULES)}")
    right = [(p.argmax(axis=1) == labels).astype(float) for p in (base, candidate)]
    gain = right[1] - right[0]
    loss = metrics.log_losses(labels, candidate) - metrics.log_losses(labels, base)
    interval = intervals.mean_interval(gain)
    found = gain.mean(), interval, loss.mean(), intervals.mean_interval(loss), metrics.mcnemar_p(*right)
    accepted, reason = _judge(rule, gain.mean(), interval[0], loss.mean(), pseudo_labels)
    return Decision(accepted, reason, *found)


def paired(
    labels: pa.Table, base: pa.Table, candidate: pa.Table, classes: list[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels [n] as numbers and the out-of-fold probabilities [n, classes] of base and candidate, from their tables.

    Raises InputError where the tables do not hold the same images.
    """
    number = class_numbers(classes)
    known = arrow.by_id(labels)
    sides = [arrow.by_id(t, "probabilities") for t in (base, candidate)]
    if not known.keys() == sides[0].keys() == sides[1].keys():
        raise InputError("base and candidate were not cross-validated on the same given labels; train both again")
    ids = sorted(known)
    return np.array([number[known[i]] for i in ids]), *(np.array([side[i] for i in ids]) for side in sides)


def _judge(rule: str, gain: float, low: float, loss: float, pseudo_labels: float) -> tuple[bool, str]:
    if not pseudo_labels:
        return False, "there is no pseudo-label, so final is base"
    if rule == "off":
        return True, "the gate is off"
    if rule == "must_gain":
        return (True, "a gain is shown") if low > 0 else (False, "no gain is shown")
    if gain < 0:
        return False, "it is less accurate"
    if loss > 0:
        return False, "its log loss is worse"
    return True, "it does no harm"
