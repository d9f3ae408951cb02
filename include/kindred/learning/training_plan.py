"""Who learns from what, in the base model's fits and the candidate's.

A *plan* is a table of image_id, label (int), weight, given, fold. A given label has the fold it belongs to; a
pseudo-label has the fold that it was made for (by a base model that did not see it), or ALL for the fit on all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from kindred.learning.class_numbers import class_numbers
from kindred.learning.folds import ALL, assign_folds
from kindred.runtime.errors import InputError

COLUMNS = "image_id string, label int, weight double, given boolean, fold int"  # of a plan, for Spark


@dataclass(frozen=True)
class Examples:
    """What is learned from, in one process: features [m, d] of distinct images, and a plan of n rows, each with the row
    of its image in `features`.
    """

    features: np.ndarray
    feature_rows: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    given: np.ndarray
    folds: np.ndarray

    def training_rows(self, fold: int) -> np.ndarray:
        """The plan's rows that the fit for `fold` (or ALL) learns from."""
        if fold == ALL:
            return np.flatnonzero(self.given | (self.folds == ALL))
        return np.flatnonzero(np.where(self.given, self.folds != fold, self.folds == fold))

    def held_out_rows(self, fold: int) -> np.ndarray:
        """The plan's rows of the given labels that belong to `fold`."""
        return np.flatnonzero(self.given & (self.folds == fold))

    def features_of(self, rows: np.ndarray) -> np.ndarray:
        """The features [r, d] of some of the plan's rows."""
        return self.features[self.feature_rows[rows]]

    def masked(self, row_sets: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Sets of the plan's rows as arrays over the same images: the features [n, d] of those that are in any set, and
        for each set their labels [p, n] and weights [p, n], 0 for an image that is not in it. Where all are, the
        features are not copied.
        """
        shape = len(row_sets), len(self.features)
        labels, weights = np.zeros(shape, np.int32), np.zeros(shape, np.float32)
        for number, rows in enumerate(row_sets):
            labels[number, self.feature_rows[rows]] = self.labels[rows]
            weights[number, self.feature_rows[rows]] = self.weights[rows]
        used = weights.any(axis=0)
        if used.all():
            return self.features, labels, weights
        return self.features[used], labels[:, used], weights[:, used]


def make_plan(given: pa.Table, classes: list[str], folds: int, pseudo: list[pa.Table]) -> pd.DataFrame:
    """The plan for the table `labels` and, for the candidate, the tables pseudo_labels and pseudo_labels_by_fold."""
    ids, labels = (given[name].to_pylist() for name in ("image_id", "label"))
    parts = [pd.DataFrame({"image_id": ids, "label": labels, "weight": 1.0, "given": True})]
    parts[0]["fold"] = assign_folds(ids, labels, folds)
    for table in pseudo:
        names = ["image_id", "label", "weight", *({"fold"} & set(table.column_names))]
        parts.append(pd.DataFrame({"given": False, "fold": ALL, **table.select(names).to_pandas()}))
    plan = pd.concat(parts, ignore_index=True)[["image_id", "label", "weight", "given", "fold"]]
    return plan.assign(label=plan["label"].map(class_numbers(classes))).astype({"label": "int32", "fold": "int32"})


def make_examples(plan: pd.DataFrame, ids: np.ndarray, features: np.ndarray) -> Examples:
    """A plan and the features [m, d] of the images `ids` [m]. Sorted by image_id, given labels first.

    Raises InputError where an image of the plan has no features.
    """
    plan = plan.sort_values(["given", "image_id", "fold"], ascending=[False, True, True], kind="stable")
    order = np.argsort(ids)
    if missing := set(plan["image_id"]) - set(ids):
        raise InputError(f"{len(missing):,} images to learn from have no features, among them {min(missing)}")
    feature_rows = order[np.searchsorted(ids, plan["image_id"].to_numpy(), sorter=order)]
    columns = [plan[name].to_numpy() for name in ("label", "weight", "given", "fold")]
    return Examples(features, feature_rows, *columns)
