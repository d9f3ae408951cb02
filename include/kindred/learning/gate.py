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

CRITERIA = {
    "no_harm": "out-of-fold log loss and accuracy are not worse",
    "must_gain": "the interval of the difference in out-of-fold accuracy lies above 0",
    "off": "the candidate is always accepted",
}


@dataclass(frozen=True)
class Decision:
    """Whether the candidate becomes the final model, and why. Differences are candidate minus base, out of fold, with
    95 % intervals; `mcnemar_p` is the p of McNemar's exact test that both are right equally often.
    """

    accepted: bool
    reason: str
    accuracy_difference: float
    accuracy_interval: tuple[float, float]
    log_loss_difference: float
    log_loss_interval: tuple[float, float]
    mcnemar_p: float

    def figures(self) -> dict[str, float]:
        """The figures of the stage, by name."""
        return {
            "gate/accepted": int(self.accepted),
            "gate/difference": self.accuracy_difference,
            "gate/low": self.accuracy_interval[0],
            "gate/high": self.accuracy_interval[1],
            "gate/log_loss_difference": self.log_loss_difference,
            "gate/log_loss_low": self.log_loss_interval[0],
            "gate/log_loss_high": self.log_loss_interval[1],
            "gate/mcnemar_p": self.mcnemar_p,
        }

    def summary(self) -> str:
        """The decision in one line, for the console."""
        low, high = self.accuracy_interval
        return (
            f"{'accepted' if self.accepted else 'refused'}, {self.reason}: out-of-fold accuracy "
            f"{self.accuracy_difference:+.4f} ({low:+.4f} to {high:+.4f}), log loss {self.log_loss_difference:+.4f}"
        )


def decide(
    labels: np.ndarray, base: np.ndarray, candidate: np.ndarray, criterion: str, pseudo_labels: float
) -> Decision:
    """The decision by one of CRITERIA, from labels [n] and the out-of-fold probabilities [n, classes] of base and
    candidate. `pseudo_labels`: how many there are; without any the candidate is base.

    >>> labels = np.array([0, 0, 1, 1])
    >>> base = np.array([[0.6, 0.4], [0.4, 0.6], [0.4, 0.6], [0.4, 0.6]])
    >>> candidate = np.array([[0.8, 0.2], [0.6, 0.4], [0.2, 0.8], [0.4, 0.6]])
    >>> decision = decide(labels, base, candidate, "no_harm", pseudo_labels=100)
    >>> decision.accepted, decision.reason, float(decision.accuracy_difference)
    (True, 'neither accuracy nor log loss is worse', 0.25)
    """
    if criterion not in CRITERIA:
        raise InputError(f"unknown gate {criterion!r}; known: {', '.join(CRITERIA)}")
    right = [(p.argmax(axis=1) == labels).astype(float) for p in (base, candidate)]
    gain = right[1] - right[0]
    loss = metrics.log_losses(labels, candidate) - metrics.log_losses(labels, base)
    interval = intervals.mean_interval(gain)
    accepted, reason = _accept(criterion, gain.mean(), interval[0], loss.mean(), pseudo_labels)
    return Decision(
        accepted,
        reason,
        gain.mean(),
        interval,
        loss.mean(),
        intervals.mean_interval(loss),
        metrics.mcnemar_p(*right),
    )


def paired(
    labels: pa.Table, base: pa.Table, candidate: pa.Table, classes: list[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels [n] as numbers and the out-of-fold probabilities [n, classes] of base and candidate, from their tables.

    Raises InputError where the tables do not hold the same images.
    """
    number = class_numbers(classes)
    label = arrow.by_id(labels)
    of_base, of_candidate = (arrow.by_id(table, "probabilities") for table in (base, candidate))
    if not label.keys() == of_base.keys() == of_candidate.keys():
        raise InputError("base and candidate were not cross-validated on the same given labels; train both again")
    ids = sorted(label)
    return (
        np.array([number[label[i]] for i in ids]),
        np.array([of_base[i] for i in ids]),
        np.array([of_candidate[i] for i in ids]),
    )


def _accept(criterion: str, gain: float, low: float, loss: float, pseudo_labels: float) -> tuple[bool, str]:
    """Whether the candidate is accepted, and why: from the gain in accuracy, the lower end of its interval, and the
    difference in log loss.
    """
    if not pseudo_labels:
        return False, "there is no pseudo-label, so final is base"
    if criterion == "off":
        return True, "the gate is off"
    if criterion == "must_gain":
        return (True, "a gain in accuracy is shown") if low > 0 else (False, "no gain in accuracy is shown")
    if gain < 0:
        return False, "its accuracy is lower"
    if loss > 0:
        return False, "its log loss is worse"
    return True, "neither accuracy nor log loss is worse"
