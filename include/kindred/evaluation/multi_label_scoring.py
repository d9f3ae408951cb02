"""Predicted sets of labels against the truth: test images as arrays, all scores, those of each class, and the precision
of pseudo-labels. Everything is over pairs of image and class that are known.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from kindred.learning import metrics, multi_label, multi_label_scores
from kindred.learning.multi_label import Labels
from kindred.runtime import arrow, label_sets


class TestedImages(NamedTuple):
    """Images of which a class is known, sorted by id: their ids [n], labels, and probabilities [n, k]."""

    ids: np.ndarray
    labels: Labels
    values: np.ndarray


def on_test(predictions: pa.Table, truth: pa.Table, classes: Sequence[str]) -> TestedImages:
    """The test images of which a class is known, from rows of a table of predictions and those of `truth`.

    >>> predictions = pa.table({"image_id": ["b", "a"], "probabilities": [[0.5, 0.25], [0.75, 0.5]]})
    >>> truth = pa.table({"image_id": ["b"], "label": ["trees"], "present": [False]})
    >>> tested = on_test(predictions, truth, ["sea", "trees"])
    >>> tested.ids.tolist(), tested.labels.known.tolist(), tested.values.tolist()
    (['b'], [[False, True]], [[0.5, 0.25]])
    """
    rows = predictions.sort_by("image_id")
    ids = rows["image_id"].to_numpy()
    labels = multi_label.of_rows(truth, ids, classes)
    values = arrow.matrix(rows["probabilities"].combine_chunks()).astype(np.float64).reshape(-1, len(classes))
    known = np.flatnonzero(labels.known.any(axis=1))
    return TestedImages(ids[known], labels.of(known), values[known])


def scores(values: np.ndarray, limits: np.ndarray, labels: Labels) -> dict[str, float]:
    """All scores of probabilities [n, k] with thresholds [k], as `multi_label_scores`, with the mean log loss of an
    image and the mean calibration error of a class; without those that have no value on these images.

    >>> labels = Labels(np.ones((2, 1), bool), np.array([[True], [False]]))
    >>> found = scores(np.array([[0.75], [0.25]]), np.array([0.5]), labels)
    >>> round(found["log_loss"], 3), found["expected_calibration_error"]
    (0.288, 0.25)
    """
    found = multi_label_scores.scores(values, limits, labels)
    found["log_loss"] = float(multi_label.log_losses(values, labels).mean())
    found["expected_calibration_error"] = float(np.nanmean(calibration_errors(values, labels)))
    return {name: value for name, value in found.items() if not np.isnan(value)}


def calibration_errors(values: np.ndarray, labels: Labels) -> np.ndarray:
    """The expected calibration error [k] of each class's own probabilities [n, k], in bins as `metrics` has them; NaN
    where the class is known of no image.
    """
    known = labels.known.sum(axis=0)
    sums = [np.abs(binned_gaps(values, labels, number).sum(axis=0)).sum() for number in range(len(known))]
    return _shares(np.array(sums), known)


def binned_gaps(values: np.ndarray, labels: Labels, number: int) -> np.ndarray:
    """Of a class, by its number, what calibration errors are made of [n, bins]: present (1 or 0) minus the probability,
    in the column of the probability's bin, else 0; all 0 where the class is not known.
    """
    known = np.flatnonzero(labels.known[:, number])
    own = values[known, number]
    bins = np.minimum((own * metrics.CALIBRATION_BINS).astype(int), metrics.CALIBRATION_BINS - 1)
    gaps = np.zeros((len(values), metrics.CALIBRATION_BINS))
    gaps[known, bins] = labels.present[known, number] - own
    return gaps


def by_class(values: np.ndarray, limits: np.ndarray, labels: Labels, classes: Sequence[str]) -> pd.DataFrame:
    """The scores of each class, and of how many images it is present, absent and unknown. Empty: not defined, as
    precision where no image is said to have it, or average precision where all have it.
    """
    from sklearn.metrics import average_precision_score

    chosen, present = (values >= limits) & labels.known, labels.present & labels.known
    right, said, there = ((part).sum(axis=0) for part in (chosen & present, chosen, present))
    ranked = (there > 0) & (there < labels.known.sum(axis=0))
    precisions = [
        average_precision_score(labels.present[known, c], values[known, c]) if ranked[c] else np.nan
        for c, known in enumerate(labels.known.T)
    ]
    table = {
        "present": there,
        "absent": labels.known.sum(axis=0) - there,
        "unknown": (~labels.known).sum(axis=0),
        "average_precision": precisions,
        "precision": _shares(right, said),
        "recall": _shares(right, there),
        "f1": _shares(2 * right, said + there),
        "threshold": limits,
        "calibration_error": calibration_errors(values, labels),
    }
    return pd.DataFrame(table, index=pd.Index(classes, name="class"))


def on_hidden(predictions: pa.Table, truth: pa.Table, given: set[str], classes: Sequence[str]) -> dict[str, float]:
    """Micro F1 over the known pairs of the images, outside the test part, that were not given, and how many such images
    there are; `predictions` are rows of image_id, prediction.
    """
    rows = predictions.filter(pc.invert(pc.is_in(predictions["image_id"], pa.array(sorted(given), pa.string()))))
    labels = multi_label.of_rows(truth, rows["image_id"].to_numpy(), classes)
    images = int(labels.known.any(axis=1).sum())
    if not images:
        return {}
    chosen = sets(rows["prediction"].to_pylist(), classes) & labels.known
    present = labels.present & labels.known
    return {"images": images, "micro_f1": float(2 * (chosen & present).sum() / max(1, chosen.sum() + present.sum()))}


def sets(texts: Sequence[str], classes: Sequence[str]) -> np.ndarray:
    """Which classes each predicted set holds, bool [n, k].

    >>> sets(["sea|sunset", "(none)"], ["sea", "sunset", "trees"]).astype(int).tolist()
    [[1, 1, 0], [0, 0, 0]]
    """
    numbers, different = pd.factorize(np.asarray(texts, object))
    rows = [[name in label_sets.split(text) for name in classes] for text in different]
    return np.array(rows, bool).reshape(-1, len(classes))[numbers]


def pseudo_by_class(pseudo: pa.Table, truth: pa.Table, unlabelled: int, classes: Sequence[str]) -> pd.DataFrame:
    """For each class how many of the unlabelled images were accepted as having it, as not having it, and neither
    (undecided), and of the accepted how many have a known truth and are right, of all and of the present ones.
    """
    keys = ["image_id", "label"]
    rows = pseudo.select([*keys, "present"]).to_pandas().astype({"present": bool})
    true = truth.select([*keys, "present"]).to_pandas().drop_duplicates(keys).rename(columns={"present": "true"})
    rows = rows.merge(true, "left", keys)
    known, positive = rows["true"].notna(), rows["present"]
    right = known & (rows["true"] == positive)
    parts = {
        **{"present": positive, "absent": ~positive, "known": known, "right": right},
        **{"known_present": known & positive, "right_present": right & positive},
    }
    table = pd.DataFrame(parts).groupby(rows["label"]).sum().reindex(list(classes), fill_value=0).astype(int)
    table = table.rename_axis("class")
    table.insert(2, "undecided", unlabelled - table["present"] - table["absent"])
    table["precision"] = _shares(table["right"], table["known"])
    table["positive_precision"] = _shares(table["right_present"], table["known_present"])
    return table


def pseudo_figures(table: pd.DataFrame) -> dict[str, float]:
    """The known pairs among the pseudo-labels and the share of them that is right, from `pseudo_by_class`."""
    total = table[["known", "right", "known_present", "right_present"]].sum()
    figures: dict[str, float] = {"pseudo/known": int(total["known"])}
    if total["known"]:
        figures["pseudo/precision"] = float(total["right"] / total["known"])
    if total["known_present"]:
        figures["pseudo/positive_precision"] = float(total["right_present"] / total["known_present"])
    return figures


def _shares(part: np.ndarray | pd.Series, whole: np.ndarray | pd.Series) -> np.ndarray:
    """part / whole [k]; NaN where there is no whole."""
    return np.where(np.asarray(whole) > 0, np.asarray(part) / np.maximum(whole, 1), np.nan)
