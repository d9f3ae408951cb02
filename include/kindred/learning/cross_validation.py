"""Cross-validation: one fit on all labels, and one for each fold that does not see it. Of a classifier with `fit_folds`
all are made here, in one process; of others each is a Spark task. `cross_validation_in_spark` has those that are fitted
in Spark.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from kindred.learning import learning_curve, metrics
from kindred.learning.folds import ALL, balanced_order
from kindred.learning.networks import Network
from kindred.learning.training_plan import Examples

if TYPE_CHECKING:
    from pyspark import Broadcast
    from pyspark.sql import SparkSession


class OutOfFold(NamedTuple):
    """A fold's given labels, predicted by the model that did not see them: ids [n], labels [n], probabilities
    [n, classes].
    """

    ids: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray


@dataclass
class Fitted:
    """Networks by fold (ALL: the one to use), the out-of-fold predictions by fold, and the classifier's setting.
    `grid`: a row for each setting that was tried: setting, `means`, chosen.
    """

    networks: dict[int, Network] = field(default_factory=dict)
    out_of_fold: dict[int, OutOfFold] = field(default_factory=dict)
    setting: float | None = None
    grid: list[dict[str, float]] = field(default_factory=list)

    def log_losses(self) -> np.ndarray:
        """The log loss of each held-out label, by the model that did not see it, [h], in the order of folds."""
        return np.concatenate(
            [metrics.log_losses(o.labels, o.probabilities) for _, o in sorted(self.out_of_fold.items())]
        )

    def scores(self) -> dict[int, dict[str, float]]:
        """Scores by fold."""
        return {
            fold: {
                "accuracy": float((o.probabilities.argmax(axis=1) == o.labels).mean()),
                "log_loss": float(metrics.log_losses(o.labels, o.probabilities).mean()),
                "images": len(o.labels),
            }
            for fold, o in sorted(self.out_of_fold.items())
        }

    def means(self) -> dict[str, float]:
        """Mean and standard deviation of accuracy and log loss over folds; empty without a fold."""
        scores, means = list(self.scores().values()), {}
        for name in ("accuracy", "log_loss") if scores else ():
            values = [score[name] for score in scores]
            means[f"{name}_mean"], means[f"{name}_std"] = float(np.mean(values)), float(np.std(values))
        return means

    def figures(self, model: str) -> dict[str, float]:
        """`means` as `<model>/cv/...`, with the number of folds, and `grid_figures`."""
        figures: dict[str, float] = {f"{model}/cv/folds": len(self.out_of_fold)}
        figures |= {f"{model}/cv/{name}": value for name, value in self.means().items()}
        return figures | grid_figures(self.grid, model)


def grid_figures(grid: list[dict[str, float]], model: str) -> dict[str, float]:
    """The scores of all settings that were tried, named `<model>/grid/<setting>/...`.

    >>> grid_figures([{"setting": 0.6, "log_loss_mean": 0.5, "chosen": True}], "base")
    {'base/grid/0.6/log_loss_mean': 0.5}
    """
    return {
        f"{model}/grid/{row['setting']:g}/{name}": value
        for row in grid
        for name, value in row.items()
        if name not in ("setting", "chosen")
    }


def fit(
    session: Callable[[], SparkSession],
    examples: Examples,
    ids: np.ndarray,
    classifier: ModuleType,
    classes: int,
    folds: int,
    seed: int,
    say: Callable[[str], None],
) -> Fitted:
    """All fits, with the setting that is `chosen`; without a fold the usual one. `ids`: of examples.features. `session`
    gives the Spark session: it is started only for a classifier whose fits are tasks.
    """
    fits = _Fits(session, examples, classifier, classes, seed)
    tried: dict[float | None, Fitted] = {}
    for setting in settings(classifier) if folds else ():
        before = list(tried.values())
        tried[setting] = _cross_validated(fits, ids, folds, setting, say)
        if before and tried[setting].log_losses().mean() >= before[-1].log_losses().mean():
            break
    usual = usual_setting(classifier)
    if folds and usual not in tried:
        tried[usual] = _cross_validated(fits, ids, folds, usual, say)
    best = chosen(tried, usual) if folds else Fitted(setting=usual)
    if len(tried) > 1:
        say(f"setting {best.setting:g} is taken{', as no other is clearly better' if best.setting == usual else ''}")
    best.grid = [
        {"setting": setting, **one.means(), "chosen": one is best}
        for setting, one in sorted(tried.items())
        if setting is not None
    ]
    best.networks[ALL] = fits.networks([examples.training_rows(ALL)], best.setting)[0]
    return best


def chosen(tried: dict[float | None, Fitted], usual: float | None) -> Fitted:
    """By setting, of those that were tried: the one of least out-of-fold log loss; the usual one where the difference
    is within one standard error, as scores of few held-out labels are noisy.

    Source: L. Breiman et al., Classification and Regression Trees (1984, section 3.4.3).
    """
    best = min(tried.values(), key=lambda fitted: float(fitted.log_losses().mean()))
    gains = tried[usual].log_losses() - best.log_losses()
    return best if gains.mean() > gains.std() / np.sqrt(len(gains)) else tried[usual]


class _Fits:
    """Fits on some of the examples' rows each."""

    def __init__(
        self, session: Callable[[], SparkSession], examples: Examples, classifier: ModuleType, classes: int, seed: int
    ) -> None:
        self.session, self.examples, self.classifier = session, examples, classifier
        self.classes, self.seed = classes, seed

    def networks(self, row_sets: Sequence[np.ndarray], setting: float | None) -> list[Network]:
        """The network that is fitted on each set of rows."""
        if hasattr(self.classifier, "fit_folds"):
            found: list[Network] = self.classifier.fit_folds(
                *self.examples.masked(row_sets), self.classes, self.seed, setting
            )
            return found
        context = self.session().sparkContext
        shared = context.broadcast(self.examples)
        fit_rows = functools.partial(_fit_rows, shared, self.classifier.__name__, self.classes, self.seed, setting)
        found = context.parallelize(row_sets, len(row_sets)).map(fit_rows).collect()
        shared.destroy()
        return found


def _cross_validated(
    fits: _Fits, ids: np.ndarray, folds: int, setting: float | None, say: Callable[[str], None]
) -> Fitted:
    """The fits of all folds with one setting, without the one on all labels."""
    fitted, examples = Fitted(setting=setting), fits.examples
    networks = fits.networks([examples.training_rows(fold) for fold in range(folds)], setting)
    for fold, network in enumerate(networks):
        rows = examples.held_out_rows(fold)
        fitted.networks[fold] = network
        probabilities = network.probabilities(examples.features_of(rows))
        fitted.out_of_fold[fold] = OutOfFold(ids[examples.feature_rows[rows]], examples.labels[rows], probabilities)
    if setting is not None:
        say(f"... setting {setting:g}: out-of-fold log loss {fitted.log_losses().mean():.4f}")
    return fitted


def settings(classifier: ModuleType) -> Sequence[float | None]:
    """The settings of a classifier that are tried, in their order; None for one that has nothing to choose."""
    values: Sequence[float | None] = getattr(classifier, "SETTINGS", (None,))
    return values


def usual_setting(classifier: ModuleType) -> float | None:
    """The setting in the middle."""
    values = settings(classifier)
    return values[len(values) // 2]


def learning_curve_points(
    session: Callable[[], SparkSession],
    examples: Examples,
    ids: np.ndarray,
    classifier: ModuleType,
    classes: int,
    fitted: Fitted,
    seed: int,
) -> pd.DataFrame:
    """Accuracy on each fold of models that learned from few and more of the other folds' given labels, in their
    balanced order, and of the fold's own model: rows of labels, fold, accuracy.
    """
    folds = sorted(fitted.out_of_fold)
    if not folds:
        return pd.DataFrame({"labels": [], "fold": [], "accuracy": []})
    order = np.array(balanced_order(ids[examples.feature_rows].tolist(), examples.labels.tolist()))
    by_fold = {f: order[np.isin(order, examples.training_rows(f)) & examples.given[order]] for f in folds}
    smallest = min(map(len, by_fold.values()))
    fits, points = _Fits(session, examples, classifier, classes, seed), []
    for size in learning_curve.sizes(smallest, classes):
        networks = fits.networks([by_fold[fold][:size] for fold in folds], fitted.setting)
        points += [
            (size, fold, _accuracy(network, examples, fold)) for fold, network in zip(folds, networks, strict=True)
        ]
    whole = [(smallest, fold, scores["accuracy"]) for fold, scores in fitted.scores().items()]
    return pd.DataFrame([*points, *whole], columns=["labels", "fold", "accuracy"])


def _accuracy(network: Network, examples: Examples, fold: int) -> float:
    """On the given labels of a fold."""
    rows = examples.held_out_rows(fold)
    return float((network.probabilities(examples.features_of(rows)).argmax(axis=1) == examples.labels[rows]).mean())


def _fit_rows(
    shared: Broadcast[Examples], classifier: str, classes: int, seed: int, setting: float | None, rows: np.ndarray
) -> Network:
    """In a worker."""
    module, examples = importlib.import_module(classifier), shared.value
    features, labels, weights = examples.features_of(rows), examples.labels[rows], examples.weights[rows]
    network: Network = module.fit(features, labels, weights, classes, seed, setting)
    return network
