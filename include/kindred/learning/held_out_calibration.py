"""The probabilities of labellers, calibrated on given labels that they did not know.

A fold's own labels choose neither the setting, nor the members, nor the calibration of its view: other folds' held-out
labels do (nested cross-validation: S. Varma, R. Simon, BMC Bioinformatics 2006). All that is left of their influence is
that the other folds' views knew them.
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
    chosen: dict[str, dict[int, Members]] = {}
    for name in dict.fromkeys(["confidence", *members, labeller]):
        chosen[name] = _choices(variants.load("labeller", name), views, given, chosen)
    return {
        name: {v: _pooled(pool[v], *_held_out(pool, given, other_folds(given, v))) for v, pool in by_view.items()}
        for name, by_view in chosen.items()
    }


def other_folds(given: GivenLabels, fold: int) -> list[int]:
    """The folds whose held-out labels a view may use: all but its own, unless there is no other."""
    return _without(given.fold_numbers(), fold)


def _without(folds: list[int], fold: int) -> list[int]:
    return [other for other in folds if other != fold] or folds


def _choices(
    module: ModuleType, views: dict[int, View], given: GivenLabels, chosen: dict[str, dict[int, Members]]
) -> dict[int, Members]:
    """By view what is pooled in it, and in the others to calibrate it: a labeller's own probabilities at one of its
    settings; or those of its members (which `chosen` holds), all or one alone.
    """
    if hasattr(module, "MEMBERS"):
        sets: Sequence[Sequence[str]] = [module.MEMBERS, *((name,) for name in module.MEMBERS)]
        options = {
            view: [{v: [p for name in names for p in chosen[name][view][v]] for v in views} for names in sets]
            for view in views
        }
    else:
        settings: Sequence[float | None] = getattr(module, "SETTINGS", (None,))
        by_setting = [{fold: [module.probabilities(view, s)] for fold, view in views.items()} for s in settings]
        options = dict.fromkeys(views, by_setting)
    return {view: _best(options[view], given, other_folds(given, view)) for view in views}


def _best(options: list[Members], given: GivenLabels, folds: list[int]) -> Members:
    """The option of the least Brier score on the labels that the views of `folds` did not know: it is bounded, so that
    few labels do not choose by the one that went most wrong. Where no label is held out it is the first option.
    """
    if len(options) == 1 or not folds:
        return options[0]

    def score(members: Members) -> float:
        scores = []
        for fold in folds:
            own = given.folds == fold
            probabilities = [p[given.rows[own]] for p in members[fold]]
            pooled = _pooled(probabilities, *_held_out(members, given, _without(folds, fold)))
            scores.append(metrics.brier_scores(given.labels[own], pooled))
        return float(np.concatenate(scores).mean())

    return min(options, key=score)


def _pooled(own: list[np.ndarray], held_out: list[np.ndarray], labels: np.ndarray) -> np.ndarray:
    """The pool of a view's probabilities, where all its members have an opinion, with the weights that suit those of
    `held_out` given `labels`.
    """
    pooled = np.zeros_like(own[0])
    rows = np.all([p.sum(axis=1) > 0 for p in own], axis=0)
    pooled[rows] = calibration.pool([p[rows] for p in own], calibration.pool_weights(held_out, labels))
    return pooled


def _held_out(members: Members, given: GivenLabels, folds: list[int]) -> tuple[list[np.ndarray], np.ndarray]:
    """The probabilities that the views of `folds` give to their own given labels, where all members have an opinion, by
    member [h, classes], and those labels [h].
    """
    some = next(iter(members.values()))
    probabilities, labels = [np.empty((len(some), 0, some[0].shape[1]))], [np.empty(0, dtype=int)]
    for fold in folds:
        own = given.folds == fold
        by_member = np.stack([p[given.rows[own]] for p in members[fold]])
        with_opinion = (by_member.sum(axis=2) > 0).all(axis=0)
        probabilities.append(by_member[:, with_opinion])
        labels.append(given.labels[own][with_opinion])
    return list(np.concatenate(probabilities, axis=1)), np.concatenate(labels)
