"""Training with cross-validation: one fit on all labels, and one for each fold that does not see it.

A *plan* says who learns from what: a table of image_id, label (int), weight, given, fold. A given label has the
fold it belongs to; a pseudo-label has the fold that it was made for (by a base model that did not see it), or -1 for
the fit on all.
"""

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyspark import inheritable_thread_target
from pyspark.sql import DataFrame

from kindred.learning import learning_curve, metrics
from kindred.learning.class_numbers import class_numbers
from kindred.learning.given_labels import in_folds, in_turn
from kindred.learning.networks import Network
from kindred.runtime.arrow import lists, matrix
from kindred.runtime.errors import InputError

ALL = -1
PLAN = "image_id string, label int, weight double, given boolean, fold int"
FITS_MEGABYTES = 512  # MiB of float32 features: up to here a classifier is fitted in one process
FRAME_PARTITIONS = 4  # fixed: the order in which Spark adds up must not depend on the number of cores


def file_name(fold: int) -> str:
    """The file of a fold's network, or of the network fitted on ALL."""
    return "network-all.npz" if fold == ALL else f"network-{fold}.npz"


@dataclass(frozen=True)
class Examples:
    """What is learned from, in one process: features [n, d] of distinct images, and a plan whose rows
    point into them.
    """

    features: np.ndarray
    at: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    given: np.ndarray
    fold: np.ndarray

    def learned(self, fold: int) -> np.ndarray:
        """The plan's rows that the fit for `fold` (or ALL) learns from."""
        if fold == ALL:
            return np.flatnonzero(self.given | (self.fold == ALL))
        return np.flatnonzero(np.where(self.given, self.fold != fold, self.fold == fold))

    def held_out(self, fold: int) -> np.ndarray:
        return np.flatnonzero(self.given & (self.fold == fold))


@dataclass
class Fitted:
    """Networks by fold (ALL: the one to use), and the out-of-fold probabilities of the given labels."""

    networks: dict[int, Network] = field(default_factory=dict)
    out_of_fold: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]] = field(default_factory=dict)  # ids, labels, p
    setting: float | None = None

    def log_loss(self) -> float:
        """Mean log loss over all given labels, each by the model that did not see it."""
        losses = [metrics.log_losses(labels, p) for _, labels, p in self.out_of_fold.values()]
        return float(np.concatenate(losses).mean())

    def scores(self) -> dict[int, dict[str, float]]:
        """Scores by fold."""
        return {
            fold: {
                "accuracy": float((p.argmax(axis=1) == labels).mean()),
                "log_loss": float(metrics.log_losses(labels, p).mean()),
                "images": len(labels),
            }
            for fold, (_, labels, p) in sorted(self.out_of_fold.items())
        }

    def figures(self, name: str) -> dict[str, float]:
        """Mean and standard deviation over folds, named `<model>/cv/...`."""
        scores = list(self.scores().values())
        found = {f"{name}/cv/folds": len(scores)}
        for score in ("accuracy", "log_loss"):
            values = [s[score] for s in scores]
            found |= {
                f"{name}/cv/{score}_mean": float(np.mean(values)),
                f"{name}/cv/{score}_std": float(np.std(values)),
            }
        return found


def plan(given: pa.Table, classes: list[str], folds: int, pseudo: list[pa.Table]) -> pd.DataFrame:
    """The plan for the table `labels` and, for the candidate, the tables pseudo_labels and pseudo_labels_by_fold."""
    ids, labels = (given[name].to_pylist() for name in ("image_id", "label"))
    parts = [pd.DataFrame({"image_id": ids, "label": labels, "weight": 1.0, "given": True})]
    parts[0]["fold"] = in_folds(ids, labels, folds)
    for made in pseudo:
        names = ["image_id", "label", "weight", *({"fold"} & set(made.column_names))]
        parts.append(pd.DataFrame({"given": False, "fold": ALL, **made.select(names).to_pandas()}))
    rows = pd.concat(parts, ignore_index=True)[["image_id", "label", "weight", "given", "fold"]]
    number = class_numbers(classes)
    return rows.assign(label=rows["label"].map(number)).astype({"label": "int32", "fold": "int32"})


def examples(rows: pd.DataFrame, ids: np.ndarray, features: np.ndarray) -> Examples:
    """A plan's rows and the features of the images that it names. Sorted by image_id, given labels first."""
    rows = rows.sort_values(["given", "image_id", "fold"], ascending=[False, True, True], kind="stable")
    order = np.argsort(ids)
    if missing := set(rows["image_id"]) - set(ids):
        raise InputError(f"{len(missing):,} images to learn from have no features, among them {min(missing)}")
    at = order[np.searchsorted(ids, rows["image_id"].to_numpy(), sorter=order)]
    columns = [rows[name].to_numpy() for name in ("label", "weight", "given", "fold")]
    return Examples(features, at, *columns)


def fit_examples(
    spark: Any,
    found: Examples,
    ids: np.ndarray,
    classifier: ModuleType,
    classes: int,
    folds: int,
    seed: int,
    say: Callable[[str], None],
) -> Fitted:
    """Fit in single processes, one Spark task a fold; the setting is chosen by the out-of-fold log loss."""
    shared = spark.sparkContext.broadcast(found)
    fit = functools.partial(_fit_fold, shared, classifier.__name__, classes, seed)
    best = None
    for setting in getattr(classifier, "SETTINGS", (None,)):
        tasks = spark.sparkContext.parallelize(range(folds), folds)
        results = tasks.map(functools.partial(fit, setting)).collect()
        now = Fitted(setting=setting)
        for fold, network, probabilities in results:
            rows = found.held_out(fold)
            now.networks[fold] = network
            now.out_of_fold[fold] = (ids[found.at[rows]], found.labels[rows], probabilities)
        if setting is not None:
            say(f"... setting {setting:g}: out-of-fold log loss {now.log_loss():.4f}")
        if best is not None and now.log_loss() >= best.log_loss():
            break
        best = now
    last = spark.sparkContext.parallelize([ALL], 1).map(functools.partial(fit, best.setting)).collect()
    best.networks[ALL] = last[0][1]
    shared.destroy()
    return best


def learning_points(
    spark: Any, found: Examples, ids: np.ndarray, classifier: ModuleType, classes: int, fitted: Fitted, seed: int
) -> pd.DataFrame:
    """Accuracy on each fold of models that learned from few and more of the other folds' given labels, in the order of
    their ids' hashes and class by class, and of the fold's own model: rows of labels, fold, accuracy.
    """
    folds = sorted(fitted.out_of_fold)
    order = np.array(in_turn(ids[found.at].tolist(), found.labels.tolist()))
    few = {fold: order[np.isin(order, found.learned(fold)) & found.given[order]] for fold in folds}
    sizes = learning_curve.sizes(min(map(len, few.values())), classes)
    shared = spark.sparkContext.broadcast(found)
    fit = functools.partial(_fit_few, shared, classifier.__name__, classes, seed, fitted.setting)
    tasks = [(size, fold, few[fold][:size]) for size in sizes for fold in folds]
    rows = spark.sparkContext.parallelize(tasks, len(tasks)).map(fit).collect() if tasks else []
    shared.destroy()
    whole = [(min(map(len, few.values())), fold, score["accuracy"]) for fold, score in fitted.scores().items()]
    return pd.DataFrame([*rows, *whole], columns=["labels", "fold", "accuracy"])


def fit_frames(
    rows: pd.DataFrame, features: DataFrame, classifier: ModuleType, classes: int, folds: int, seed: int, say: Callable
) -> Fitted:
    """Fit in Spark, as many folds at a time as Spark runs tasks: each is a job of its own."""
    spark = features.sparkSession
    plan = spark.createDataFrame(rows, PLAN)
    frame = plan.join(features, "image_id", how="inner").select(
        "image_id", "features", "label", "weight", "given", "fold"
    )
    frame = frame.repartition(FRAME_PARTITIONS, "image_id").sortWithinPartitions("image_id", "fold").persist()
    frame.count()  # else the first jobs would each make it

    @inheritable_thread_target(spark)
    def fit(fold: int) -> tuple[int, Network, tuple | None]:
        learned = (
            frame.where("given or fold = -1")
            if fold == ALL
            else frame.where(f"(given and fold != {fold}) or (not given and fold = {fold})")
        )
        network = classifier.fit_frame(learned, classes, seed)
        if fold == ALL:
            return fold, network, None
        held_out = frame.where(f"given and fold = {fold}").select("image_id", "label", "features").toPandas()
        held_out = held_out.sort_values("image_id")
        probabilities = network.probabilities(np.stack(held_out["features"].to_list()))
        say(f"... fold {fold + 1} of {folds}")
        return fold, network, (held_out["image_id"].to_numpy(), held_out["label"].to_numpy(), probabilities)

    result = Fitted()
    with ThreadPoolExecutor(max_workers=min(folds + 1, spark.sparkContext.defaultParallelism)) as threads:
        for fold, network, out_of_fold in threads.map(fit, [*range(folds), ALL]):
            result.networks[fold] = network
            if out_of_fold is not None:
                result.out_of_fold[fold] = out_of_fold
    frame.unpersist()
    return result


def out_of_fold(fitted: Fitted, classes: list[str], model: str) -> pa.Table:
    """The table of that name."""
    parts = []
    for fold, (ids, _, probabilities) in sorted(fitted.out_of_fold.items()):
        columns = {
            "image_id": pa.array(ids, pa.string()),
            "fold": np.full(len(ids), fold, np.int32),
            "model": np.full(len(ids), model),
            "prediction": np.array(classes)[probabilities.argmax(axis=1)],
            "probabilities": lists(probabilities),
        }
        parts.append(pa.table(columns))
    return pa.concat_tables(parts)


def predictions(features: DataFrame, network: Network, classes: list[str]) -> DataFrame:
    """image_id, split, prediction, confidence, probabilities of every row of `features`."""
    columns = "image_id string, split string, prediction string, confidence double, probabilities array<float>"
    return features.mapInArrow(functools.partial(_predict, network, classes), columns)


def _fit_fold(shared: Any, classifier: str, classes: int, seed: int, setting: Any, fold: int) -> tuple:
    """In a worker: the network for a fold, and its probabilities for the given labels of the fold."""
    import importlib

    found = shared.value
    rows = found.learned(fold)
    module = importlib.import_module(classifier)
    network = module.fit(
        found.features[found.at[rows]], found.labels[rows], found.weights[rows], classes, seed, setting
    )
    held_out = found.held_out(fold)
    return fold, network, network.probabilities(found.features[found.at[held_out]])


def _fit_few(shared: Any, classifier: str, classes: int, seed: int, setting: Any, task: tuple) -> tuple:
    """In a worker: how right a model that learned from some rows is on a fold."""
    import importlib

    found, (size, fold, rows) = shared.value, task
    module = importlib.import_module(classifier)
    network = module.fit(
        found.features[found.at[rows]], found.labels[rows], found.weights[rows], classes, seed, setting
    )
    held_out = found.held_out(fold)
    said = network.probabilities(found.features[found.at[held_out]]).argmax(axis=1)
    return size, fold, float((said == found.labels[held_out]).mean())


def _predict(network: Network, classes: list[str], batches):
    names = np.array(classes)
    for batch in batches:
        if not batch.num_rows:
            continue
        probabilities = network.probabilities(matrix(batch.column("features")))
        top = probabilities.argmax(axis=1)
        columns = [
            batch.column("image_id"),
            batch.column("split"),
            pa.array(names[top]),
            pa.array(probabilities.max(axis=1)),
            lists(probabilities),
        ]
        yield pa.RecordBatch.from_arrays(columns, ["image_id", "split", "prediction", "confidence", "probabilities"])
