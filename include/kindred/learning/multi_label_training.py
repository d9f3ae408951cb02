"""Classifiers of images with several labels: what they learn from, their fits on the pairs of image and class that are
known, without each fold and on all, and the thresholds from which on a class counts as present.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kindred.learning import cross_validation, multi_label, multi_label_scores
from kindred.learning.folds import assign_folds
from kindred.learning.multi_label import Labels
from kindred.learning.networks import Network
from kindred.runtime import variants
from kindred.runtime.errors import InputError

CROSS_VALIDATED = ("mean_average_precision", "micro_f1")  # scores of each fold, beside the log loss


@dataclass(frozen=True)
class Fitted:
    """With the setting of the least log loss out of fold: the network of all images and those of each fold's others,
    all with the thresholds that are best out of fold, and what these say of the images of their fold, probabilities
    [n, k]. `losses`: the mean log loss [n] of each given image, by setting.
    """

    network: Network
    by_fold: list[Network]
    out_of_fold: np.ndarray
    setting: float | None
    losses: dict[float | None, np.ndarray]


@dataclass(frozen=True)
class TrainingSet:
    """The ids [n] of the images that are learned from: first the given ones, whose folds are `fold_of` [g]. Their
    labels in the fits without each fold, then in the one of all: of a given image the same in each, of others the
    pseudo-labels that were made for the fit.
    """

    ids: np.ndarray
    fold_of: np.ndarray
    labels: list[Labels]

    @property
    def folds(self) -> int:
        return len(self.labels) - 1

    @property
    def given(self) -> Labels:
        """The labels of the given images."""
        return self.labels[-1].of(np.arange(len(self.fold_of)))

    def cross_validated(self, classifier: ModuleType, features: np.ndarray, seed: int) -> Fitted:
        """The best of all settings of a classifier, of features [n, d]."""
        weights = fold_weights(self.fold_of, self.folds, len(self.ids) - len(self.fold_of))
        settings = cross_validation.settings(classifier)
        return cross_validated(classifier, features, self.labels, weights, self.fold_of, seed, settings)


def training_set(given: pa.Table, pseudo: Sequence[pa.Table], classes: Sequence[str], folds: int) -> TrainingSet:
    """Of the table `labels` and, for the candidate, the tables pseudo_labels and pseudo_labels_by_fold. Given images
    are put into folds in the order of their ids' hashes. Raises InputError for fewer than two.
    """
    ids = np.array(given["image_id"].unique().sort().to_pylist(), object)
    if len(ids) < 2:
        raise InputError("1 image has a given label; cross-validation needs at least 2")
    fold_of = np.array(assign_folds(ids.tolist(), ["given"] * len(ids), min(folds, len(ids))))
    own, fits = multi_label.of_rows(given, ids, classes), fold_of.max() + 2
    if not pseudo:
        return TrainingSet(ids, fold_of, [own] * fits)
    of_all, by_fold = pseudo
    pile = np.union1d(*(table["image_id"].to_numpy(zero_copy_only=False) for table in pseudo))
    tables = [by_fold.filter(pc.field("fold") == fold) for fold in range(fits - 1)] + [of_all]
    labels = [multi_label.joined(own, multi_label.of_rows(table, pile, classes)) for table in tables]
    return TrainingSet(np.concatenate([ids, pile]), fold_of, labels)


def scores(fitted: Fitted, training: TrainingSet) -> dict[int, dict[str, float]]:
    """Scores of each fold's given images by the network that has not seen them."""
    found = {}
    for fold in range(training.folds):
        rows = training.fold_of == fold
        values, labels = fitted.out_of_fold[rows], training.given.of(rows)
        sets = multi_label_scores.scores(values, np.array(fitted.network.thresholds), labels)
        found[fold] = {
            "log_loss": float(multi_label.log_losses(values, labels).mean()),
            **{name: sets[name] for name in CROSS_VALIDATED},
            "images": int(rows.sum()),
        }
    return found


def grid(fitted: Fitted, fold_of: np.ndarray) -> list[dict[str, float]]:
    """A row for each setting that was tried, as `cross_validation.Fitted.grid`, of its log loss."""
    rows = []
    for setting, losses in fitted.losses.items():
        means = [losses[fold_of == fold].mean() for fold in range(fold_of.max() + 1)]
        if setting is not None:
            mean, std = float(np.mean(means)), float(np.std(means))
            chosen = setting == fitted.setting
            rows.append({"setting": setting, "log_loss_mean": mean, "log_loss_std": std, "chosen": chosen})
    return rows


def figures(by_fold: Mapping[int, Mapping[str, float]], model: str) -> dict[str, float]:
    """Mean and standard deviation of the `scores` over folds, named `<model>/cv/...`; a score that has no value in a
    fold (where no image has any of the classes) is a mean over the others.
    """
    named: dict[str, float] = {f"{model}/cv/folds": len(by_fold)}
    for name in ("log_loss", *CROSS_VALIDATED):
        values = [one[name] for one in by_fold.values() if not np.isnan(one[name])]
        if values:
            named[f"{model}/cv/{name}_mean"] = float(np.mean(values))
            named[f"{model}/cv/{name}_std"] = float(np.std(values))
    return named


def fit(
    classifier: ModuleType,
    features: np.ndarray,
    labels: Sequence[Labels],
    weights: np.ndarray,
    seed: int,
    setting: float | None,
) -> list[Network]:
    """p fits of a classifier on the same features [n, d], each with its own labels and weights [p, n]: 0 where it does
    not see an image.
    """
    of_pairs = np.stack([one.known * own[:, None] for one, own in zip(labels, weights, strict=True)])
    present = np.stack([one.present for one in labels])
    networks: list[Network] = classifier.fit_label_sets(features, present, of_pairs, seed, setting)
    return networks


def cross_validated(
    classifier: ModuleType,
    features: np.ndarray,
    labels: Sequence[Labels],
    weights: np.ndarray,
    fold_of: np.ndarray,
    seed: int,
    settings: Sequence[float | None],
) -> Fitted:
    """The best of some settings. Labels and weights [folds + 1, n] of
    the fits without each fold, then of the one of all; `fold_of` [g]: the first g images are given, and are scored by
    what has not seen them.
    """
    given, best = labels[-1].of(np.arange(len(fold_of))), None
    losses: dict[float | None, np.ndarray] = {}
    for setting in settings:
        *by_fold, network = fit(classifier, features, labels, weights, seed, setting)
        out_of_fold = np.empty(given.known.shape)
        for fold, one in enumerate(by_fold):
            rows = np.flatnonzero(fold_of == fold)
            out_of_fold[rows] = one.probabilities(features[rows])
        losses[setting] = multi_label.log_losses(out_of_fold, given)
        if best is None or losses[setting].mean() < losses[best.setting].mean():
            best = Fitted(network, by_fold, out_of_fold, setting, losses)
    assert best is not None  # there is a setting
    limits = tuple(multi_label_scores.thresholds(best.out_of_fold, given).tolist())
    networks = [replace(network, thresholds=limits) for network in (*best.by_fold, best.network)]
    return replace(best, by_fold=networks[:-1], network=networks[-1])


def fold_weights(fold_of: np.ndarray, folds: int, pile: int = 0) -> np.ndarray:
    """The weights [folds + 1, g + pile] of the fits of `cross_validated`: a fold's does not see its own given images,
    whose folds are `fold_of` [g]; all see the images of the pile behind them.

    >>> fold_weights(np.array([0, 1]), folds=2, pile=1).tolist()
    [[0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 1.0]]
    """
    weights = np.ones((folds + 1, len(fold_of) + pile))
    weights[:folds, : len(fold_of)] = [fold_of != fold for fold in range(folds)]
    return weights


def check_classifier(name: str, module: ModuleType) -> None:
    """Raise InputError for a classifier that takes one label an image only."""
    if not hasattr(module, "fit_label_sets"):
        able = [
            one for one in variants.names("classifier") if hasattr(variants.load("classifier", one), "fit_label_sets")
        ]
        raise InputError(f"classifier {name} is for one label an image; for several take {' or '.join(able)}")
