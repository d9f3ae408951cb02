"""Is the candidate, trained with pseudo-labels, at least as good as base? Decided on given labels that neither saw.

Each given label has two out-of-fold predictions, by base and by the candidate of a fold whose whole chain (base,
pseudo-labels, candidate) did without it, so the differences are paired. `no_harm` decides

- with MIN_TESTED labels or more by a test of non-inferiority in log loss and in accuracy. Its margins are the smallest
  that n labels can tell: (z of CONFIDENCE + z of POWER) standard errors of the paired difference, so that a candidate
  as good as base passes each with a probability of POWER, and one that is worse by the margin with 1 - CONFIDENCE.
  Hence it passes where the difference is less than z of POWER standard errors to the bad side.
- with fewer by the expected Brier score, as if DOUBTED labels more spoke against the candidate by a standard deviation
  each: so few labels cannot refute harm, and a test would let it pass. The Brier score is bounded, so that no single
  sure mistake decides, as it would in log loss. The accuracy has to pass the test too.

Sources: S. Wellek, Testing Statistical Hypotheses of Equivalence and Noninferiority (2nd ed. 2010, chapters 1 and 5);
the standard error of the difference of paired shares, with one more label on which the models disagree, after A.
Agresti, Y. Min (Statistics in Medicine 2005). The p that is reported is Q. McNemar's (Psychometrika 1947), exact.
"""

from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from kindred.learning import intervals, metrics, multi_label
from kindred.learning.class_numbers import class_numbers
from kindred.learning.multi_label import Labels
from kindred.runtime import arrow
from kindred.runtime.errors import InputError

CRITERIA = {
    "no_harm": "a paired test finds neither log loss nor accuracy worse; with few labels the Brier score is not",
    "must_gain": "the interval of the difference in out-of-fold accuracy lies above 0",
    "off": "the candidate is always accepted",
}

MIN_TESTED = 200  # labels: with fewer, candidates that are worse pass the test more often than it is worth
DOUBTED = 2  # labels, no more than is needed with 8 to 40 given ones, and hardly felt with 100
CONFIDENCE, POWER = 0.95, 0.9
ACCURACY = "accuracy"
SHARE_RIGHT = "share of known classes said rightly"  # of several labels an image, one minus the Hamming loss
NOT_PAIRED = "base and candidate were not cross-validated on the same given labels; train both again"


class Predicted(NamedTuple):
    """Of several labels an image: probabilities [n, k] and the thresholds [k] from which on a class is present."""

    probabilities: np.ndarray
    thresholds: np.ndarray


@dataclass(frozen=True)
class Decision:
    """Whether the candidate becomes the final model, and why. Differences are candidate minus base, out of fold, with
    95 % intervals and the margins of the test; `mcnemar_p` is the p of McNemar's exact test that both are right equally
    often.
    """

    accepted: bool
    reason: str
    accuracy_difference: float
    accuracy_interval: tuple[float, float]
    accuracy_margin: float
    log_loss_difference: float
    log_loss_interval: tuple[float, float]
    log_loss_margin: float
    mcnemar_p: float
    measure: str = ACCURACY

    def figures(self) -> dict[str, float]:
        """The figures of the stage, by name."""
        return {
            "gate/accepted": int(self.accepted),
            "gate/difference": self.accuracy_difference,
            "gate/low": self.accuracy_interval[0],
            "gate/high": self.accuracy_interval[1],
            "gate/margin": self.accuracy_margin,
            "gate/log_loss_difference": self.log_loss_difference,
            "gate/log_loss_low": self.log_loss_interval[0],
            "gate/log_loss_high": self.log_loss_interval[1],
            "gate/log_loss_margin": self.log_loss_margin,
            "gate/mcnemar_p": self.mcnemar_p,
        }

    def summary(self) -> str:
        """The decision in one line, for the console."""
        low, high = self.accuracy_interval
        return (
            f"{'accepted' if self.accepted else 'refused'}, {self.reason}: out-of-fold {self.measure} "
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
    (True, 'its expected Brier score is not worse (4 given labels are too few for a test)', 0.25)
    """
    right = [(p.argmax(axis=1) == labels).astype(float) for p in (base, candidate)]
    loss = metrics.log_losses(labels, candidate) - metrics.log_losses(labels, base)
    brier = metrics.brier_scores(labels, candidate) - metrics.brier_scores(labels, base)
    return decide_by(right[0], right[1], loss, brier, criterion, pseudo_labels)


def decide_label_sets(labels: Labels, base: Predicted, candidate: Predicted, criterion: str, pseudo: float) -> Decision:
    """The same of several labels an image: its losses are means over the classes that are known of it, and its accuracy
    is the share of these that are on the right side of the thresholds.
    """
    right = [multi_label.shares_right(one.probabilities, one.thresholds, labels) for one in (base, candidate)]
    loss, brier = (
        of(candidate.probabilities, labels) - of(base.probabilities, labels)
        for of in (multi_label.log_losses, multi_label.brier_scores)
    )
    return decide_by(right[0], right[1], loss, brier, criterion, pseudo, SHARE_RIGHT)


def decide_by(
    base_right: np.ndarray,
    candidate_right: np.ndarray,
    loss: np.ndarray,
    brier: np.ndarray,
    criterion: str,
    pseudo_labels: float,
    measure: str = ACCURACY,
) -> Decision:
    """The decision from how right (0 to 1) base and candidate are on each image [n], of which the mean is called
    `measure`, and from the candidate's log loss and Brier score minus those of base [n].
    """
    if criterion not in CRITERIA:
        raise InputError(f"unknown gate {criterion!r}; known: {', '.join(CRITERIA)}")
    gain = candidate_right - base_right
    interval = intervals.mean_interval(gain)
    accepted, reason = _accept(criterion, gain, interval[0], loss, brier, pseudo_labels, measure)
    margin = _z(CONFIDENCE) + _z(POWER)
    return Decision(
        accepted,
        reason,
        gain.mean(),
        interval,
        margin * gain_error(gain),
        loss.mean(),
        intervals.mean_interval(loss),
        margin * _loss_error(loss),
        metrics.mcnemar_p(base_right, candidate_right),
        measure,
    )


def paired(
    labels: pa.Table, base: pa.Table, candidate: pa.Table, classes: list[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels [n] as numbers and the out-of-fold probabilities [n, classes] of base and candidate, from their tables, of
    the given labels that are held out: the only one of a class is not.

    Raises InputError where the tables do not hold the same images.
    """
    number = class_numbers(classes)
    label = arrow.by_id(labels)
    of_base, of_candidate = (arrow.by_id(table, "probabilities") for table in (base, candidate))
    if not of_base.keys() == of_candidate.keys() <= label.keys():
        raise InputError(NOT_PAIRED)
    ids = sorted(of_base)
    return (
        np.array([number[label[i]] for i in ids]),
        np.array([of_base[i] for i in ids]),
        np.array([of_candidate[i] for i in ids]),
    )


def paired_label_sets(
    labels: pa.Table, base: pa.Table, candidate: pa.Table, classes: list[str]
) -> tuple[Labels, np.ndarray, np.ndarray]:
    """The same of several labels an image: the labels of n images, and probabilities [n, classes]."""
    of_base, of_candidate = (arrow.by_id(table, "probabilities") for table in (base, candidate))
    if of_base.keys() != of_candidate.keys():
        raise InputError(NOT_PAIRED)
    ids = sorted(of_base)
    probabilities = [np.array([of[i] for i in ids]) for of in (of_base, of_candidate)]
    return multi_label.of_rows(labels, np.array(ids, object), classes), probabilities[0], probabilities[1]


def _accept(
    criterion: str,
    gain: np.ndarray,
    low: float,
    loss: np.ndarray,
    brier: np.ndarray,
    pseudo_labels: float,
    measure: str,
) -> tuple[bool, str]:
    """Whether the candidate is accepted, and why: from each label's gain in accuracy [n] (1, 0 or -1), the lower end of
    the interval of their mean, and each label's differences in log loss [n] and in Brier score [n].
    """
    if not pseudo_labels:
        return False, "there is no pseudo-label, so final is base"
    if criterion == "off":
        return True, "the gate is off"
    if criterion == "must_gain":
        return low > 0, f"{'a' if low > 0 else 'no'} gain in {measure} is shown"
    return _no_harm(gain, loss, brier, measure)


def _no_harm(gain: np.ndarray, loss: np.ndarray, brier: np.ndarray, measure: str) -> tuple[bool, str]:
    """Whether neither the gains in accuracy [n] nor the differences in log loss [n] (of few labels: in Brier score)
    speak against the candidate.
    """
    if gain.mean() < -_z(POWER) * gain_error(gain):
        return False, f"a paired test finds its {measure} lower"
    if len(loss) < MIN_TESTED:
        few = f"({len(loss)} given labels are too few for a test)"
        if brier.sum() + DOUBTED * _deviation(brier) > 0:
            return False, f"its expected Brier score is worse {few}"
        return True, f"its expected Brier score is not worse {few}"
    if loss.mean() > _z(POWER) * _loss_error(loss):
        return False, "a paired test finds its log loss worse"
    return True, f"a paired test finds neither {measure} nor log loss worse"


def _z(level: float) -> float:
    return NormalDist().inv_cdf(level)


def gain_error(gain: np.ndarray) -> float:
    """The standard error of the mean gain in accuracy, as if the models disagreed on one label more."""
    return float(np.sqrt((gain**2).sum() + 1) / len(gain))


def _loss_error(loss: np.ndarray) -> float:
    return float(_deviation(loss) / np.sqrt(len(loss)))


def _deviation(values: np.ndarray) -> float:
    """The standard deviation, 0 of a single value."""
    return float(values.std(ddof=1)) if len(values) > 1 else 0.0
