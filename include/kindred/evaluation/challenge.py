"""A challenger against the champion, on test images that neither has learned from: is it to be promoted?

Accuracy decides, of several labels an image micro F1 and mean average precision, and no class's recall may be lost.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from kindred.evaluation import multi_label_intervals, multi_label_scoring, score_intervals
from kindred.evaluation.paired_tests import paired_accuracy
from kindred.learning import gate, metrics
from kindred.learning.intervals import TAILS
from kindred.learning.multi_label import Labels
from kindred.runtime.errors import InputError

RULES = {
    "no_worse": "the interval of the difference in accuracy lies above -1 point, and no class's recall falls by more "
    "than 5 points with its interval below 0",
    "must_gain": "the same, and the interval of the difference in accuracy lies above 0",
    "never": "nothing is promoted: the comparison alone is shown",
    "always": "whatever the comparison says; it needs a reason",
}
NO_WORSE, MUST_GAIN, NEVER, ALWAYS = RULES
TOLERATED = 0.01  # by which accuracy may be lower and count as no worse
LOST_RECALL = 0.05  # from which a class's recall counts as lost
ACCURACY, F1, PRECISION, LOG_LOSS = "accuracy", "micro_f1", "mean_average_precision", "log_loss"
TITLES = {ACCURACY: "accuracy", F1: "micro F1", PRECISION: "mAP", LOG_LOSS: "log loss"}

Counts = Callable[[np.ndarray], dict[str, np.ndarray]]


class Score(NamedTuple):
    """A score of both models, and challenger minus champion with its 95 % interval."""

    champion: float
    challenger: float
    low: float
    high: float

    @property
    def difference(self) -> float:
        return self.challenger - self.champion

    def __str__(self) -> str:
        return f"{self.difference:+.4f} ({self.low:+.4f} to {self.high:+.4f})"


@dataclass(frozen=True)
class Challenge:
    """Both models on `images` test images: all scores by name, those among them that are `deciding`, the recall of each
    class that is there (intervals that hold together), with one label an image McNemar's p, and of how many images
    these are that the champion was not tested with (`new`).
    """

    images: int
    scores: dict[str, Score]
    deciding: tuple[str, ...]
    recalls: dict[str, Score]
    mcnemar_p: float | None = None
    new: int = 0
    excluded: dict[str, int] = field(default_factory=dict)

    def figures(self) -> dict[str, Any]:
        """All of it, for JSON."""
        scores, recalls = (
            {name: {**one._asdict(), "difference": one.difference} for name, one in part.items()}
            for part in (self.scores, self.recalls)
        )
        counts = {"images": self.images, "new": self.new, "excluded": self.excluded}
        return {**counts, "scores": scores, "recall": recalls, "mcnemar_p": self.mcnemar_p}

    def summary(self) -> str:
        """The differences in a line."""
        return f"{', '.join(f'{TITLES[name]} {score}' for name, score in self.scores.items())} {self.tested()}"

    def tested(self) -> str:
        """On which images."""
        new = f", {self.new:,} of them new" if self.new else ""
        left_out = "".join(f"; left out: {count:,} {reason}" for reason, count in self.excluded.items() if count)
        return f"on {self.images:,} test images{new}{left_out}"


class Decision(NamedTuple):
    """Whether the challenger is promoted, and why."""

    promoted: bool
    reason: str


def of_labels(
    labels: np.ndarray, champion: np.ndarray, challenger: np.ndarray, classes: Sequence[str], comparable: bool = True
) -> Challenge:
    """The challenge on images with one label each: labels [n] and probabilities [n, k]. Where not `comparable`, as one
    of the models does not know all classes, their log loss is left out. The interval of accuracy is that of
    `paired_accuracy`, but not narrower than if the models disagreed on one image more: few images on which they agree
    show little.

    >>> labels, sure = np.tile([0, 1], 200), np.eye(2)[np.tile([0, 1], 200)]
    >>> blind = np.tile([0.9, 0.1], (400, 1))
    >>> challenge = of_labels(labels, blind, sure, ["cat", "dog"])
    >>> challenge.scores["accuracy"].difference, challenge.recalls["dog"].difference
    (0.5, 1.0)
    >>> decide(challenge, "must_gain").promoted
    True
    """
    n = len(labels)
    right = [(probabilities.argmax(axis=1) == labels).astype(float) for probabilities in (champion, challenger)]
    tested = paired_accuracy({"champion": right[0], "challenger": right[1]}).iloc[0]
    spread = NormalDist().inv_cdf(TAILS[1]) * gate.gain_error(right[1] - right[0])
    one, other = (float(values.mean()) for values in right)
    low, high = min(other - one - spread, tested["low"]), max(other - one + spread, tested["high"])
    scores = {ACCURACY: Score(one, other, float(low), float(high))}
    if comparable:
        scores[LOG_LOSS] = _of_means(*(metrics.log_losses(labels, one) for one in (champion, challenger)))
    there = np.eye(len(classes), dtype=bool)[labels]
    hits = [there & (values > 0)[:, None] for values in right]
    return Challenge(n, scores, (ACCURACY,), _recalls(there, hits[0], hits[1], classes), float(tested["p"]))


def of_label_sets(
    labels: Labels,
    champion: tuple[np.ndarray, np.ndarray],
    challenger: tuple[np.ndarray, np.ndarray],
    classes: Sequence[str],
    comparable: bool = True,
) -> Challenge:
    """The same of several labels an image: probabilities [n, k] with thresholds [k] of each model."""
    table = multi_label_intervals.intervals(labels, *champion, *challenger)
    one, other = (multi_label_scoring.scores(*model, labels) for model in (champion, challenger))
    names = [name for name in (F1, PRECISION, LOG_LOSS) if name in one and (comparable or name != LOG_LOSS)]
    scores = {name: Score(one[name], other[name], *_ends(table, name)) for name in names}
    there = labels.known & labels.present
    hits = [there & (values >= limits) for values, limits in (champion, challenger)]
    deciding = tuple(name for name in (F1, PRECISION) if name in scores)
    return Challenge(len(labels), scores, deciding, _recalls(there, hits[0], hits[1], classes))


def decide(challenge: Challenge, rule: str) -> Decision:
    """The decision by one of RULES. Raises InputError for another one.

    >>> same = np.eye(2)[np.tile([0, 1], 20)]
    >>> decide(of_labels(np.tile([0, 1], 20), same, same, ["cat", "dog"]), "no_worse").reason[39:]
    'too few test images to tell, about 930 more would do; on 40 test images'
    """
    check(rule)
    if rule in (NEVER, ALWAYS):
        return Decision(rule == ALWAYS, f"the rule is {rule}: {challenge.summary()}")
    limits = dict.fromkeys(challenge.deciding, -TOLERATED)
    doubts = [doubt for name in limits if (doubt := _doubt(challenge, name, limits[name]))]
    gains = [_doubt(challenge, name, 0.0) for name in limits] if rule == MUST_GAIN else [""]
    if all(gains) and not doubts:
        doubts = gains
    lost = {name: s for name, s in challenge.recalls.items() if s.difference < -LOST_RECALL and s.high < 0}
    doubts += [f"recall of {name!r} {score}" for name, score in lost.items()]
    if not doubts:
        return Decision(True, challenge.summary())
    return Decision(False, f"{'; '.join(doubts)}; {challenge.tested()}")


def decide_without(rule: str, why: str) -> Decision:
    """The decision where nothing can be compared: what is asked to gain has to show it, and `no_worse` asks for no more
    than that nothing speaks against it.
    """
    check(rule)
    return Decision(rule in (NO_WORSE, ALWAYS), f"nothing to compare, {why}")


def check(rule: str) -> None:
    """Raise InputError for a rule that there is not."""
    if rule not in RULES:
        raise InputError(f"unknown RULE {rule!r}; known: {', '.join(RULES)}")


def _doubt(challenge: Challenge, name: str, limit: float) -> str:
    """Why a score's interval does not lie above a limit, and how many images more would tell; empty where it does."""
    score = challenge.scores[name]
    if score.low > limit:
        return ""
    text = f"{TITLES[name]} {score}"
    above = score.difference - limit
    if score.high <= limit or above <= 0:
        asked = "no gain" if limit == 0 else "worse"
        return f"{text}: {asked}" if score.high <= limit else f"{text}: it seems {asked}"
    more = challenge.images * ((score.difference - score.low) / above) ** 2 - challenge.images
    return f"{text}: too few test images to tell, about {_rounded(more):,} more would do"


def _rounded(count: float) -> int:
    """A count in two digits, rounded up.

    >>> _rounded(1834.2), _rounded(7.5)
    (1900, 8)
    """
    digits = 10 ** max(0, len(str(int(count))) - 2)
    return int(-(-count // digits) * digits)


def _of_means(champion: np.ndarray, challenger: np.ndarray) -> Score:
    """The score that is a mean over images, from its values [n]."""

    def means(values: np.ndarray) -> Counts:
        return lambda counts: {"mean": (counts @ values) / counts.sum(axis=1)}

    table = score_intervals.paired_intervals(len(champion), means(champion), means(challenger))
    return Score(float(champion.mean()), float(challenger.mean()), *_ends(table, "mean"))


def _recalls(
    there: np.ndarray, champion: np.ndarray, challenger: np.ndarray, classes: Sequence[str]
) -> dict[str, Score]:
    """The recall of each class that is `there` on an image, from whether the models have found it, all bool [n, k]."""
    support = there.sum(axis=0)
    own = np.flatnonzero(support).tolist()

    def recalls(hits: np.ndarray) -> Counts:
        def of(counts: np.ndarray) -> dict[str, np.ndarray]:
            drawn, found = (counts @ part[:, own].astype(np.float32) for part in (there, hits))
            values = np.divide(found, drawn, out=np.full_like(found, np.nan), where=drawn > 0)
            return {classes[c]: values[:, number] for number, c in enumerate(own)}

        return of

    if not own:
        return {}
    table = score_intervals.paired_intervals(len(there), recalls(champion), recalls(challenger), comparisons=len(own))
    one, other = (hits.sum(axis=0) / np.maximum(support, 1) for hits in (champion, challenger))
    return {classes[c]: Score(float(one[c]), float(other[c]), *_ends(table, classes[c])) for c in own}


def _ends(table: pd.DataFrame, name: str) -> tuple[float, float]:
    low, high = (table[f"difference_{end}"].loc[[name]].to_numpy()[0] for end in ("low", "high"))
    return float(low), float(high)
