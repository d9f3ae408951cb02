"""The probabilities of labellers, calibrated on given labels that they did not know.

A labeller has one opinion for each of its settings, or those of its members; all are pooled. A fold's own labels have
no part in the weights of its view: other folds' held-out labels do (nested cross-validation: S. Varma, R. Simon, BMC
Bioinformatics 2006). All that is left of their influence is that the other folds' views knew them.
"""

from types import ModuleType

import numpy as np

from kindred.learning import calibration
from kindred.learning.pseudo_label_types import GivenLabels, View
from kindred.runtime import variants

Opinions = dict[int, list[np.ndarray]]  # by view, the probabilities [n, classes] that are pooled


def labeller_probabilities(
    labeller: str, views: dict[int, View], given: GivenLabels
) -> dict[str, dict[int, np.ndarray]]:
    """The calibrated probabilities [n, classes] by labeller and view: of the base model, of the labeller's members, and
    of the labeller itself. Rows of zeros: it has no opinion.
    """
    members = getattr(variants.load("labeller", labeller), "MEMBERS", ())
    opinions: dict[str, Opinions] = {}
    for name in dict.fromkeys(["confidence", *members, labeller]):
        opinions[name] = _opinions(variants.load("labeller", name), views, opinions, bool(given.fold_numbers()))
    return {
        name: {v: _pooled(own[v], *_held_out(own, given, other_folds(given, v))) for v in views}
        for name, own in opinions.items()
    }


def other_folds(given: GivenLabels, fold: int) -> list[int]:
    """The folds whose held-out labels a view may use: all but its own, unless there is no other."""
    folds = given.fold_numbers()
    return [other for other in folds if other != fold] or folds


def _opinions(module: ModuleType, views: dict[int, View], others: dict[str, Opinions], calibrated: bool) -> Opinions:
    """A labeller's probabilities at each of its settings, or those of its members, which `others` holds; `calibrated`:
    whether given labels are held out.
    """
    if hasattr(module, "MEMBERS"):
        names = module.MEMBERS if calibrated else getattr(module, "UNCALIBRATED_MEMBERS", module.MEMBERS)
        return {v: [p for name in names for p in others[name][v]] for v in views}
    settings = getattr(module, "SETTINGS", (None,))
    return {v: [module.probabilities(view, s).astype(np.float32) for s in settings] for v, view in views.items()}


def _pooled(own: list[np.ndarray], held_out: list[np.ndarray], labels: np.ndarray) -> np.ndarray:
    """The pool of a view's opinions, of images for which there are all, with the weights that suit those of `held_out`
    given `labels`.
    """
    pooled = np.zeros(own[0].shape)
    rows = np.all([p.sum(axis=1) > 0 for p in own], axis=0)
    pooled[rows] = calibration.pool([p[rows] for p in own], calibration.pool_weights(held_out, labels))
    return pooled


def _held_out(opinions: Opinions, given: GivenLabels, folds: list[int]) -> tuple[list[np.ndarray], np.ndarray]:
    """The opinions of the views of `folds` on their own given labels, [h, classes] each, of images for which there are
    all, and those labels [h].
    """
    some = next(iter(opinions.values()))
    probabilities, labels = [np.empty((len(some), 0, some[0].shape[1]))], [np.empty(0, dtype=int)]
    for fold in folds:
        own = given.folds == fold
        by_opinion = np.stack([p[given.rows[own]] for p in opinions[fold]])
        complete = (by_opinion.sum(axis=2) > 0).all(axis=0)
        probabilities.append(by_opinion[:, complete])
        labels.append(given.labels[own][complete])
    return list(np.concatenate(probabilities, axis=1)), np.concatenate(labels)
