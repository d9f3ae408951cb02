"""features, clusterings, truth -> one model of the study of label propagation, and its scores on the test images"""

import functools
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from kindred.features import featurize, kmeans
from kindred.learning import cross_validation, given_labels, lbfgs, metrics, networks, training_plan
from kindred.learning.classifiers import logistic_regression
from kindred.learning.folds import fold_count
from kindred.learning.labellers import clusters
from kindred.learning.saved_clustering import SavedClustering
from kindred.runtime import arrow, cpu, file_names, job, storage, tables
from kindred.runtime.stage import Stage
from kindred.studies.label_propagation import cell_data, cell_grid, cell_models, convnet, propagation
from kindred.studies.label_propagation.cell_grid import Cell

MODULES = (  # what a cell's figures depend on
    *(kmeans, clusters, logistic_regression, lbfgs, networks, convnet, cell_data, cell_grid, cell_models, propagation),
    *(given_labels, training_plan, cross_validation, metrics),
)
POOL, TEST = ds.field("split").isin(tables.LEARNED_FROM), ds.field("split") == "test"


def home(s: Stage, *, folds: int, seed: int, **cell: Any) -> str:
    """A folder below the features, named by everything that the cell depends on: a second run has it done."""
    code = storage.fingerprint(*(storage.file_fingerprint(file) for file in (__file__, *(m.__file__ for m in MODULES))))
    return storage.join(s.folder_of("featurize"), "cell", f"{Cell(**cell).name}-{folds}-{seed}-{code}")


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
    cell = Cell(kind, labels, centroids, percentile, network)
    classes, truth = s.facts_of("ingest")["classes"], arrow.by_id(s.rows("truth"))
    known = _known_labels(s)
    ids, features = s.matrix("features", "features", POOL)
    clustering = _clustering(s, cell)
    chosen = _choose_labels(s, cell, known, clustering, ids, features, seed)
    counts = Counter(chosen["label"].to_pylist())
    given_labels.check_classes(counts, classes)
    folds = fold_count(min(counts.values()), folds, s.say)
    plan, propagated = cell_data.make_plan(cell, chosen, ids, clustering, classes, folds)
    inputs = functools.partial(cell_data.model_inputs, cell, clustering, _pixel_shape(s), cpu.cores())
    used = pd.Index(ids).isin(plan["image_id"])  # by a hash: NumPy compares each with each
    examples = training_plan.make_examples(plan, ids[used], inputs(features[used]))
    if network:
        trained = cell_models.train_network(examples, len(classes), seed, s.say)
    else:
        learned = examples, ids[used], len(classes), folds
        trained = cell_models.fit_logistic_regression(lambda: s.spark, *learned, seed, s.say)
    s.report(trained.file, trained.model.to_bytes())
    s.facts, s.steps = {**trained.facts, "classes": classes}, trained.steps
    test_ids, test_features = s.matrix("features", "features", TEST)
    rows = cell_data.labelled_rows(test_ids, truth)
    probabilities = trained.model.probabilities(inputs(test_features[rows]))
    figures = trained.figures | cell_data.scores(probabilities, [truth[i] for i in test_ids[rows]], classes)
    figures |= {"labels": len(chosen)} | propagation.figures(propagated, arrow.by_id(known))
    s.figures = {f"{s.name}/{name}": value for name, value in figures.items()}
    return f"test accuracy {figures['accuracy']:.4f} with {len(chosen):,} labels" + propagation.summary(figures)


def _known_labels(s: Stage) -> pa.Table:
    """image_id and label of the training images."""
    train = s.rows("images", ["image_id"], ds.field("split") == "train")["image_id"]
    return s.rows("truth").filter(pc.field("image_id").isin(train))


def _clustering(s: Stage, cell: Cell) -> SavedClustering | None:
    if cell.k is None:
        return None
    clustering = SavedClustering.from_bytes(s.file(f"cluster/{cell.k}", file_names.CLUSTERING))
    s.report(file_names.CENTROIDS, clustering.centroids_to_bytes())
    return clustering


def _choose_labels(
    s: Stage,
    cell: Cell,
    known: pa.Table,
    clustering: SavedClustering | None,
    ids: np.ndarray,
    features: np.ndarray,
    seed: int,
) -> pa.Table:
    """The given labels: image_id, label."""
    if cell.labels is None:
        return known
    given_labels.check_budget(cell.labels, len(known))
    if cell.kind == "random":
        return given_labels.choose_unstratified(known, cell.labels, seed)
    return given_labels.representatives(known, clustering.centroids, ids, features)


def _pixel_shape(s: Stage) -> tuple[int, int, int]:
    extractor = featurize.Extractor.from_facts(s.facts_of("featurize"))
    return extractor.height, extractor.width, extractor.channels


if __name__ == "__main__":
    job.run(main, home)
