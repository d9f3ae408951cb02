"""The probabilities of labellers, calibrated on given labels that they did not know.

A fold's own labels do not influence the predictions of its view, with two exceptions: a labeller's setting and members,
which all held-out labels choose together; and its calibration, which is fitted on other folds' held-out labels, whose
views knew this fold's.
"""

from collections.abc import Sequence
from types import ModuleType

import numpy as np

from kindred.learning import calibration, metrics
from kindred.learning.pseudo_label_types import GivenLabels, View
from kindred.runtime import variants

Members = dict[int, list[np.ndarray]]  # by view, the probabilities [n, classes] that are pooled


def labeller_probabilities(
    labeller: str, views: dict[int, View], given: GivenLabels
) -> dict[str, dict[int, np.ndarray]]:
    """The calibrated probabilities [n, classes] by labeller and view: of the base model, of the labeller's members, and
    of the labeller itself. Rows of zeros: it has no opinion.
    """
    members = getattr(variants.load("labeller", labeller), "MEMBERS", ())
    raw: dict[str, Members] = {}
    for name in dict.fromkeys(["confidence", *members, labeller]):
        raw[name] = _best_choice(variants.load("labeller", name), views, given, raw)
    return {name: _calibrated(by_view, given) for name, by_view in raw.items()}


def other_folds(given: GivenLabels, fold: int) -> list[int]:
    """The folds whose held-out labels a view may use: all but its own, unless there is no other."""
    folds = given.fold_numbers()
    return [other for other in folds if other != fold] or folds


def _best_choice(module: ModuleType, views: dict[int, View], given: GivenLabels, raw: dict[str, Members]) -> Members:
    """What is pooled for a labeller in each view: its own probabilities at one of its settings; or those of its members
    (which `raw` holds), all or one alone. The choice has the least Brier score on held-out labels.
    """
    if hasattr(module, "MEMBERS"):
        sets: Sequence[Sequence[str]] = [module.MEMBERS, *((name,) for name in module.MEMBERS)]
        choices = [{view: [p for name in names for p in raw[name][view]] for view in views} for names in sets]
    else:
        settings: Sequence[float | None] = getattr(module, "SETTINGS", (None,))
        choices = [{fold: [module.probabilities(view, s)] for fold, view in views.items()} for s in settings]
    return choices[0] if len(choices) == 1 else min(choices, key=lambda members: _brier_score(members, given))


def _brier_score(members: Members, given: GivenLabels) -> float:
    """Of the calibrated probabilities on the given labels that each fold did not know: bounded, so that few labels do
    not choose by the one that went most wrong.
    """
    calibrated = _calibrated(members, given)
    held_out = {fold: given.folds == fold for fold in given.fold_numbers()}
    scores = [metrics.brier_scores(given.labels[own], calibrated[f][given.rows[own]]) for f, own in held_out.items()]
    return float(np.concatenate(scores).mean())


def _calibrated(members: Members, given: GivenLabels) -> dict[int, np.ndarray]:
    """Each view's probabilities, pooled with the weights that suit given labels which neither it nor their own view
    knew.
    """
    return {view: _pooled(own, *_held_out(members, given, view)) for view, own in members.items()}


def _pooled(own: list[np.ndarray], held_out: list[np.ndarray], labels: np.ndarray) -> np.ndarray:
    """The pool of a view's probabilities, where all its members have an opinion."""
    pooled = np.zeros_like(own[0])
    rows = np.all([p.sum(axis=1) > 0 for p in own], axis=0)
    pooled[rows] = calibration.pool([p[rows] for p in own], calibration.pool_weights(held_out, labels))
    return pooled


def _held_out(members: Members, given: GivenLabels, view: int) -> tuple[list[np.ndarray], np.ndarray]:
    """The probabilities that other folds give to their own given labels, where all members have an opinion, by member
    [h, classes], and those labels [h].
    """
    probabilities, labels = [], []
    for fold in other_folds(given, view):
        own = given.folds == fold
        by_member = np.stack([p[given.rows[own]] for p in members[fold]])
        with_opinion = (by_member.sum(axis=2) > 0).all(axis=0)
        probabilities.append(by_member[:, with_opinion])
        labels.append(given.labels[own][with_opinion])
    return list(np.concatenate(probabilities, axis=1)), np.concatenate(labels)
