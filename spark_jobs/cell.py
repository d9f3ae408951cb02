"""features, clusterings, truth -> one model of the study of label propagation, and its scores on the test images"""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from kindred.features import featurize, kmeans
from kindred.learning import (
    cross_validation,
    given_labels,
    metrics,
    networks,
    pseudo_label_tables,
    training_plan,
)
from kindred.learning.class_numbers import class_numbers
from kindred.learning.classifiers import logistic_regression
from kindred.learning.folds import ALL, assign_folds, fold_count
from kindred.learning.labellers import clusters
from kindred.runtime import arrow, file_names, job, storage, tables
from kindred.runtime.cpu import cores
from kindred.runtime.errors import InputError
from kindred.runtime.stage import Stage
from kindred.studies.label_propagation import cell_grid, convnet

# What a cell is made by.
MODULES = (
    kmeans,
    convnet,
    given_labels,
    clusters,
    logistic_regression,
    networks,
    cell_grid,
    cross_validation,
    training_plan,
)
POOL, TEST = ds.field("split").isin(tables.LEARNED_FROM), ds.field("split") == "test"


def home(s: Stage, *, folds: int, seed: int, **cell: Any) -> str:
    """A folder below the features, named by everything that the cell depends on: a second run has it done."""
    code = storage.fingerprint(*(storage.file_fingerprint(file) for file in (__file__, *(m.__file__ for m in MODULES))))
    return storage.join(s.folder_of("featurize"), "cell", f"{cell_grid.Cell(**cell).name}-{folds}-{seed}-{code}")


def main(
    s: Stage,
    *,
    kind: str,
    labels: int | None,
    centroids: int | None,
    percentile: float | None,
    network: bool,
    folds: int,
    seed: int,
) -> str:
    cell = cell_grid.Cell(kind, labels, centroids, percentile, network)
    classes, truth = s.facts_of("ingest")["classes"], s.rows("truth")
    train_ids = s.rows("images", ["image_id"], ds.field("split") == "train")["image_id"]
    known = truth.filter(pc.field("image_id").isin(train_ids))
    ids, features = s.matrix("features", "features", POOL)
    found = None
    if cell.k:
        found = cell_grid.clustering_from_bytes(s.file(f"cluster/{cell.k}", file_names.CLUSTERING))
        s.report(file_names.CENTROIDS, found.centroids_to_bytes())
    chosen = _choose(s, cell, known, ids, features, found, seed)
    counts = Counter(chosen["label"].to_pylist())
    given_labels.check_classes(counts, classes)
    folds = fold_count(min(counts.values()), folds, s.say)
    pseudo = []
    if kind == "clusters":
        cut = assign_folds(chosen["image_id"].to_pylist(), chosen["label"].to_pylist(), folds)
        folded = pa.table({"image_id": chosen["image_id"], "fold": cut})
        points = pseudo_label_tables.given_labels(chosen, folded, ids, classes)
        pseudo = cell_grid.propagate(points, ids, found, percentile, classes)
    plan = training_plan.make_plan(chosen, classes, folds, pseudo)
    wanted = pd.Index(ids).isin(plan["image_id"])  # by a hash: NumPy compares each with each
    values = _inputs(s, cell, features[wanted], found)
    examples = training_plan.make_examples(plan, ids[wanted], values)
    model, named = (_train if network else _fit)(s, examples, ids[wanted], len(classes), folds, seed)
    scores = _score(s, cell, model, found, truth, classes)
    named |= {**scores, "labels": len(chosen)}
    text = f"test accuracy {scores['accuracy']:.4f} with {len(chosen):,} labels"
    if pseudo:
        right = cell_grid.share_right(pseudo[0], arrow.by_id(known))
        named |= {"propagated": len(pseudo[0])} | ({} if right is None else {"propagated_right": right})
        text += f", {len(pseudo[0]):,} propagated" + ("" if right is None else f" ({right:.1%} right)")
    s.figures = {f"{s.name}/{name}": value for name, value in named.items()}
    s.facts |= {"classes": classes}
    return text


def _choose(s, cell, known, ids, features, found, seed) -> pa.Table:
    """The given labels: image_id, label."""
    if cell.labels is None:
        return known
    given_labels.check_budget(cell.labels, len(known))
    if cell.kind == "random":
        return given_labels.choose_unstratified(s.spark.createDataFrame(known), cell.labels, seed).toArrow()
    return given_labels.representatives(known, found.centroids, ids, features)


def _inputs(s, cell, features, found) -> np.ndarray:
    """What the cell's model sees: features or distances [n, d], or for the network pixels [n, h, w, c]."""
    if not cell.network:
        return cell_grid.inputs(cell, features, found, cores())
    extractor = featurize.Extractor.from_facts(s.facts_of("featurize"))
    return features.reshape(-1, extractor.height, extractor.width, extractor.channels)


def _fit(s, examples, ids, classes, folds, seed) -> tuple[networks.Network, dict[str, float]]:
    """Logistic regression, its penalty chosen over the folds."""
    fitted = cross_validation.fit(s.spark, examples, ids, logistic_regression, classes, folds, seed, s.say)
    found = fitted.networks[ALL]
    s.report(file_names.NETWORK, found.to_bytes())
    s.facts = {"folds": fitted.scores(), "setting": fitted.setting}
    return found, {"cv_accuracy": fitted.figures("cv")["cv/cv/accuracy_mean"]}


def _train(s, examples, ids, classes, folds, seed) -> tuple[convnet.ConvNet, dict[str, float]]:
    """The convolutional network, on everything."""
    rows = examples.training_rows(ALL)
    found = convnet.fit(examples.features_of(rows), examples.labels[rows], classes, seed, s.say)
    s.report(file_names.CONVNET, found.to_bytes())
    s.steps = {name: list(enumerate(values, 1)) for name, values in found.losses.items()}
    return found, {"epochs": len(found.losses["loss"]), "epoch_seconds": found.epoch_seconds}


def _score(s, cell, model, found, truth, classes) -> dict[str, float]:
    """The scores on the test images whose label is known."""
    number, label = class_numbers(classes), arrow.by_id(truth)
    ids, features = s.matrix("features", "features", TEST)
    known = np.flatnonzero([i in label for i in ids])
    if not len(known):
        raise InputError("no test image has a known label, so nothing can be evaluated")
    probabilities = model.probabilities(_inputs(s, cell, features[known], found))
    return {**metrics.scores(np.array([number[label[i]] for i in ids[known]]), probabilities), "images": len(known)}


if __name__ == "__main__":
    job.run(main, home)
