"""What a cell's model learns from, what it sees of an image, and how it is scored."""

import numpy as np
import pandas as pd
import pyarrow as pa

from kindred.features import kmeans
from kindred.learning import metrics, pseudo_label_tables, training_plan
from kindred.learning.class_numbers import class_numbers
from kindred.learning.folds import assign_folds
from kindred.learning.saved_clustering import SavedClustering
from kindred.runtime.errors import InputError
from kindred.studies.label_propagation.cell_grid import Cell
from kindred.studies.label_propagation.propagation import propagate


def make_plan(
    cell: Cell, chosen: pa.Table, ids: np.ndarray, clustering: SavedClustering | None, classes: list[str], folds: int
) -> tuple[pd.DataFrame, pa.Table | None]:
    """The training plan of the cell's given labels (`chosen`: image_id, label), and the labels that are propagated from
    them (a table pseudo_labels; None where the cell propagates none). `ids` [n]: the images of the clustering.
    """
    if cell.kind != "clusters":
        return training_plan.make_plan(chosen, classes, folds, []), None
    percentile = 100.0 if cell.percentile is None else cell.percentile
    chosen_ids, labels = (chosen[name].to_pylist() for name in ("image_id", "label"))
    by_fold = pa.table({"image_id": chosen_ids, "fold": assign_folds(chosen_ids, labels, folds)})
    given = pseudo_label_tables.given_labels(chosen, by_fold, ids, classes)
    propagated, propagated_by_fold = propagate(given, ids, _needed(clustering, cell), percentile, classes)
    return training_plan.make_plan(chosen, classes, folds, [propagated, propagated_by_fold]), propagated


def model_inputs(
    cell: Cell,
    clustering: SavedClustering | None,
    pixel_shape: tuple[int, int, int],
    threads: int,
    features: np.ndarray,
) -> np.ndarray:
    """What the cell's model sees of features [n, d]: their distances [n, k] to the centroids; for the convolutional
    network pixels [n, h, w, c], of the shape (h, w, c); or the features themselves.
    """
    if cell.kind == "distances":
        return kmeans.distances(features, _needed(clustering, cell).centroids, threads)
    return features.reshape(-1, *pixel_shape) if cell.network else features


def labelled_rows(ids: np.ndarray, truth: dict[str, str]) -> np.ndarray:
    """The rows of the test images `ids` [n] whose label is known. Raises InputError where there is none."""
    rows = np.flatnonzero([i in truth for i in ids])
    if not len(rows):
        raise InputError("no test image has a known label, so nothing can be evaluated")
    return rows


def scores(probabilities: np.ndarray, labels: list[str], classes: list[str]) -> dict[str, float]:
    """The scores of probabilities [n, classes] by name, against the true `labels` [n], and the number of images."""
    number = class_numbers(classes)
    numbers = np.array([number[label] for label in labels])
    return {**metrics.scores(numbers, probabilities), "images": len(labels)}


def _needed(clustering: SavedClustering | None, cell: Cell) -> SavedClustering:
    if clustering is None:
        raise ValueError(f"cell {cell.name} needs a clustering with {cell.k} clusters")
    return clustering
