"""Two runs -> the images on which the one can challenge the other: test images of which both have probabilities, and
from which neither has learned.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from kindred.evaluation import challenge
from kindred.evaluation.challenge import Challenge
from kindred.learning import multi_label
from kindred.learning.class_numbers import class_numbers
from kindred.runtime import arrow, runs, stages, tables
from kindred.runtime.run_reader import RunReader

TEST = ds.field("split") == tables.TEST
LEARNED, UNSEEN, UNKNOWN = "learned from", "without probabilities of both", "without a known label"  # why left out


class Compared(NamedTuple):
    """The challenge, or why there is none."""

    challenge: Challenge | None
    why_not: str = ""


class Predicted(NamedTuple):
    """What a run says of images: its classes, their ids [n], whether they are test images of the run [n], whether it
    has learned from them [n], and probabilities [n, k].
    """

    classes: list[str]
    ids: np.ndarray
    tested: np.ndarray
    learned: np.ndarray
    probabilities: np.ndarray


def compare(champion: str, challenger: str) -> Compared:
    """The challenge of two finished runs, by the URIs of their folders. The truth is that of the newer one: it may have
    corrected labels.
    """
    readers = [RunReader(run, "compare") for run in (champion, challenger)]
    for reader in readers:
        if not (reader.finished(stages.EVALUATE) and reader.finished(stages.GATE)):
            return Compared(None, f"the tables of {runs.name_of(reader.run)} are not here")
    several = [reader.multi_label() for reader in readers]
    if several[0] != several[1]:
        return Compared(None, "one run has several labels an image, the other one")
    tested = [reader.rows("predictions_final", ["image_id"], TEST)["image_id"].to_pylist() for reader in readers]
    wanted = sorted({*tested[0], *tested[1]})
    predicted = [_predicted(reader, wanted) for reader in readers]
    chosen, excluded = choose(wanted, *predicted)
    classes = list(dict.fromkeys([*predicted[0].classes, *predicted[1].classes]))
    same = set(predicted[0].classes) == set(predicted[1].classes)
    newer = max(reversed(readers), key=lambda reader: str((runs.record_of(reader.run) or {}).get("opened") or ""))
    values = [_of_classes(one, chosen, classes) for one in predicted]
    new = ~predicted[0].tested[_rows(predicted[0].ids, chosen)] if len(chosen) else np.zeros(0, bool)
    if several[0]:
        labels = multi_label.of_rows(newer.rows("truth"), chosen, classes)
        known = np.array(labels.known.any(axis=1), bool)
    else:
        truth, number = newer.truth(), class_numbers(classes)
        numbers = np.array([number.get(truth.get(image_id, ""), -1) for image_id in chosen], int)
        known = numbers >= 0
    excluded[UNKNOWN] = int((~known).sum())
    if not known.any():
        return Compared(None, f"no test image in common that neither has learned from ({_counted(excluded)})")
    own = [one[known] for one in values]
    if several[0]:
        limits = [_limits(reader, one.classes, classes) for reader, one in zip(readers, predicted, strict=True)]
        models = list(zip(own, limits, strict=True))
        found = challenge.of_label_sets(labels.of(known), models[0], models[1], classes, same)
    else:
        found = challenge.of_labels(numbers[known], own[0], own[1], classes, same)
    return Compared(replace(found, new=int(new[known].sum()), excluded=excluded))


def choose(wanted: Sequence[str], champion: Predicted, challenger: Predicted) -> tuple[np.ndarray, dict[str, int]]:
    """The ids, of those `wanted`, of which both have probabilities and from which neither has learned; and how many of
    the others are left out, by the reason.

    >>> ids, tested, ones = np.array(["1", "2"]), np.array([True, True]), np.ones((2, 1))
    >>> one = Predicted(["a"], ids, tested, np.array([False, True]), ones)
    >>> other = Predicted(["a"], ids, tested, np.array([False, False]), ones)
    >>> ids, excluded = choose(["1", "2", "3"], one, other)
    >>> ids.tolist(), excluded
    (['1'], {'learned from': 1, 'without probabilities of both': 1})
    """
    both = np.intersect1d(champion.ids, challenger.ids)
    learned = np.union1d(champion.ids[champion.learned], challenger.ids[challenger.learned])
    chosen = np.setdiff1d(both, learned)
    left_out = np.isin(np.array(wanted, object), learned).sum()
    counts = {LEARNED: int(left_out), UNSEEN: len(wanted) - len(chosen) - int(left_out)}
    return chosen, counts


def _predicted(reader: RunReader, wanted: list[str]) -> Predicted:
    """What a run says of those of the images that it has, sorted by id.

    It has learned from the images that were given with a label, from its whole training part, whose labels it knows,
    and, if the final model has learned pseudo-labels, from all unlabelled images: those that got none are no fair
    sample, as the run was unsure of them.
    """
    columns = ["image_id", "split", "probabilities"]
    rows = reader.rows("predictions_final", columns, ds.field("image_id").isin(wanted)).sort_by("image_id")
    given = reader.rows("labels", ["image_id"])["image_id"]
    learned_splits = [tables.TRAIN]
    pseudo_labels = reader.figures_of(stages.PSEUDO_LABEL)["pseudo/count"]
    if pseudo_labels and reader.facts_of(stages.GATE)["chosen"] == "candidate":
        learned_splits.append(tables.UNLABELED)
    every = rows["image_id"].to_numpy(zero_copy_only=False)
    learned = pa.compute.or_(
        pa.compute.is_in(rows["image_id"], given.combine_chunks()),
        pa.compute.is_in(rows["split"], pa.array(learned_splits)),
    ).to_numpy(zero_copy_only=False)
    tested = pa.compute.equal(rows["split"], tables.TEST).to_numpy(zero_copy_only=False)
    ids, first = np.unique(every.astype(str), return_index=True)  # a leak that was kept stands in two splits
    values = arrow.matrix(rows["probabilities"].combine_chunks()).astype(np.float64)
    by_id = [np.isin(ids, every[mask].astype(str)) for mask in (tested, learned)]
    return Predicted(reader.classes(), ids, by_id[0], by_id[1], values.reshape(len(every), -1)[first])


def _of_classes(predicted: Predicted, ids: np.ndarray, classes: list[str]) -> np.ndarray:
    """The probabilities of images, in float64, for all `classes`: 0 of one that the run does not know."""
    values = np.zeros((len(ids), len(classes)))
    values[:, [classes.index(name) for name in predicted.classes]] = predicted.probabilities[_rows(predicted.ids, ids)]
    return values


def _rows(ids: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    return np.searchsorted(ids, chosen)


def _limits(reader: RunReader, own: Sequence[str], classes: Sequence[str]) -> np.ndarray:
    """The thresholds of a run's final model for all `classes`: 1 of one that it does not know."""
    known = dict(zip(own, reader.facts_of(stages.GATE)["thresholds"], strict=True))
    return np.array([known.get(name, 1.0) for name in classes])


def _counted(excluded: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in excluded.items() if count) or "none at all"
