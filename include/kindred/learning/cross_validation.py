"""Cross-validation: one fit on all labels, and one for each fold that does not see it. In single processes, one Spark
task a fold; `cross_validation_in_spark` fits what is too big for one process.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from kindred.learning import learning_curve, metrics
from kindred.learning.folds import ALL, balanced_order
from kindred.learning.networks import Network
from kindred.learning.training_plan import Examples

if TYPE_CHECKING:
    from pyspark import Broadcast
    from pyspark.sql import SparkSession

MAX_MEGABYTES = 512  # MiB of float32 features: up to here a classifier is fitted in one process


class OutOfFold(NamedTuple):
    """A fold's given labels, predicted by the model that did not see them: ids [n], labels [n], probabilities
    [n, classes].
    """

    ids: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray


@dataclass
class Fitted:
    """Networks by fold (ALL: the one to use), the out-of-fold predictions by fold, and the classifier's setting."""

    networks: dict[int, Network] = field(default_factory=dict)
    out_of_fold: dict[int, OutOfFold] = field(default_factory=dict)
    setting: float | None = None

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

    def figures(self, model: str) -> dict[str, float]:
        """Mean and standard deviation over folds, named `<model>/cv/...`; without a fold only their number."""
        scores = list(self.scores().values())
        figures: dict[str, float] = {f"{model}/cv/folds": len(scores)}
        if not scores:
            return figures
        for name in ("accuracy", "log_loss"):
            values = [score[name] for score in scores]
            figures[f"{model}/cv/{name}_mean"] = float(np.mean(values))
            figures[f"{model}/cv/{name}_std"] = float(np.std(values))
        return figures


def fit(
    spark: SparkSession,
    examples: Examples,
    ids: np.ndarray,
    classifier: ModuleType,
    classes: int,
    folds: int,
    seed: int,
    say: Callable[[str], None],
) -> Fitted:
    """All fits, with the setting that is `chosen`; without a fold the usual one. `ids`: of examples.features."""
    shared = spark.sparkContext.broadcast(examples)
    fit_fold = functools.partial(_fit_fold, shared, classifier.__name__, classes, seed)
    tried: dict[float | None, Fitted] = {}
    for setting in settings(classifier) if folds else ():
        before = list(tried.values())
        tried[setting] = _cross_validated(spark, examples, ids, folds, fit_fold, setting, say)
        if before and tried[setting].log_losses().mean() >= before[-1].log_losses().mean():
            break
    usual = usual_setting(classifier)
    if folds and usual not in tried:
        tried[usual] = _cross_validated(spark, examples, ids, folds, fit_fold, usual, say)
    best = chosen(tried, usual) if folds else Fitted(setting=usual)
    if len(tried) > 1:
        say(f"setting {best.setting:g} is taken{', as no other is clearly better' if best.setting == usual else ''}")
    on_all = spark.sparkContext.parallelize([ALL], 1).map(functools.partial(fit_fold, best.setting)).collect()
    best.networks[ALL] = on_all[0][1]
    shared.destroy()
    return best


def chosen(tried: dict[float | None, Fitted], usual: float | None) -> Fitted:
    """By setting, of those that were tried: the one of least out-of-fold log loss; the usual one where the difference
    is within one standard error, as scores of few held-out labels are noisy.

    Source: L. Breiman et al., Classification and Regression Trees (1984, section 3.4.3).
    """
    best = min(tried.values(), key=lambda fitted: float(fitted.log_losses().mean()))
    gains = tried[usual].log_losses() - best.log_losses()
    return best if gains.mean() > gains.std() / np.sqrt(len(gains)) else tried[usual]


def _cross_validated(
    spark: SparkSession,
    examples: Examples,
    ids: np.ndarray,
    folds: int,
    fit_fold: Callable[[float | None, int], tuple[int, Network, np.ndarray]],
    setting: float | None,
    say: Callable[[str], None],
) -> Fitted:
    """The fits of all folds with one setting, without the one on all labels."""
    fitted = Fitted(setting=setting)
    tasks = spark.sparkContext.parallelize(range(folds), folds)
    for fold, network, probabilities in tasks.map(functools.partial(fit_fold, setting)).collect():
        rows = examples.held_out_rows(fold)
        fitted.networks[fold] = network
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
    spark: SparkSession,
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
    shared = spark.sparkContext.broadcast(examples)
    score = functools.partial(_score_fewer, shared, classifier.__name__, classes, seed, fitted.setting)
    sizes = learning_curve.sizes(smallest, classes)
    tasks = [(fold, by_fold[fold][:size]) for size in sizes for fold in folds]
    points = spark.sparkContext.parallelize(tasks, len(tasks)).map(score).collect() if tasks else []
    shared.destroy()
    whole = [(smallest, fold, scores["accuracy"]) for fold, scores in fitted.scores().items()]
    return pd.DataFrame([*points, *whole], columns=["labels", "fold", "accuracy"])


def _fit_fold(
    shared: Broadcast[Examples], classifier: str, classes: int, seed: int, setting: float | None, fold: int
) -> tuple[int, Network, np.ndarray]:
    """In a worker: the network for a fold, and its probabilities for the given labels of the fold."""
    examples = shared.value
    network = _fit_rows(examples, examples.training_rows(fold), classifier, classes, seed, setting)
    return fold, network, network.probabilities(examples.features_of(examples.held_out_rows(fold)))


def _score_fewer(
    shared: Broadcast[Examples],
    classifier: str,
    classes: int,
    seed: int,
    setting: float | None,
    task: tuple[int, np.ndarray],
) -> tuple[int, int, float]:
    """In a worker: how accurate a model that learned from a few rows is on a fold: labels, fold, accuracy."""
    examples, (fold, rows) = shared.value, task
    network = _fit_rows(examples, rows, classifier, classes, seed, setting)
    held_out = examples.held_out_rows(fold)
    predicted = network.probabilities(examples.features_of(held_out)).argmax(axis=1)
    return len(rows), fold, float((predicted == examples.labels[held_out]).mean())


def _fit_rows(
    examples: Examples, rows: np.ndarray, classifier: str, classes: int, seed: int, setting: float | None
) -> Network:
    module: Any = importlib.import_module(classifier)
    features, labels, weights = examples.features_of(rows), examples.labels[rows], examples.weights[rows]
    network: Network = module.fit(features, labels, weights, classes, seed, setting)
    return network
