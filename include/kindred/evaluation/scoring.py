"""Predictions against the truth: test images as arrays, scores of each class, and the precision of pseudo-labels."""

import io

import numpy as np
import pandas as pd
import pyarrow as pa

from kindred.learning import metrics
from kindred.learning.class_numbers import class_numbers


def on_test(predictions: pa.Table, truth: pd.Series) -> pd.DataFrame:
    """The test images whose truth is known, sorted by id: image_id, label, probabilities, from the rows of a table of
    predictions and the labels by image_id.

    >>> predictions = pa.table({"image_id": ["b", "a"], "probabilities": [[0.5, 0.25], [0.3, 0.7]]})
    >>> rows = on_test(predictions, pd.Series({"b": "dog"}))
    >>> labels, probabilities = arrays(rows, ["cat", "dog"])
    >>> labels.tolist(), probabilities.round(2).tolist()
    ([1], [[0.67, 0.33]])
    """
    rows = predictions.to_pandas()
    rows["label"] = rows["image_id"].map(truth)
    return rows.dropna(subset="label").sort_values("image_id")[["image_id", "label", "probabilities"]]


def on_hidden(predictions: pa.Table, truth: pd.Series, given: set[str]) -> dict[str, float]:
    """Accuracy on the images outside the test part whose label is known but was not given, and how many there are.

    For the base model these are as unseen as the test images; the final one has learned from its own labels for some.
    """
    rows = predictions.to_pandas()
    rows = rows[~rows["image_id"].isin(given)]
    label = rows["image_id"].map(truth)
    right = (rows["prediction"] == label)[label.notna()]
    return {"images": len(right), "accuracy": float(right.mean())} if len(right) else {}


def arrays(rows: pd.DataFrame, classes: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Labels [n] as numbers and probabilities [n, classes], in float64 and summing to 1; there may be no rows."""
    if rows.empty:
        return np.zeros(0, int), np.zeros((0, len(classes)))
    probabilities = np.stack(rows["probabilities"].to_list()).astype(np.float64)
    labels = rows["label"].map(class_numbers(classes)).to_numpy()
    return labels, probabilities / probabilities.sum(axis=1, keepdims=True)


def interval_figures(
    labels: np.ndarray, base: np.ndarray, candidate: np.ndarray, intervals: pd.DataFrame
) -> dict[str, float]:
    """The 95 % intervals as figures: of each model's scores (`.../test/<score>_low`, `_high`), and of the candidate's
    difference from base, with McNemar's p. labels [n], probabilities [n, classes]; `intervals` are
    `score_intervals.intervals`.
    """
    correct = [probabilities.argmax(axis=1) == labels for probabilities in (base, candidate)]
    return {"candidate/test/mcnemar_p": metrics.mcnemar_p(*correct), **figures_of_intervals(intervals)}


def figures_of_intervals(intervals: pd.DataFrame) -> dict[str, float]:
    """The ends of `score_intervals.paired_intervals` as figures."""
    values: dict[str, float] = {}
    prefixes = {"base": "base/test/{}", "other": "candidate/test/{}", "difference": "candidate/test/{}_difference"}
    for name, row in intervals.iterrows():
        for key, prefix in prefixes.items():
            values |= {f"{prefix.format(name)}_{end}": float(row[f"{key}_{end}"]) for end in ("low", "high")}
    return values


def reports(labels: np.ndarray, probabilities: np.ndarray, classes: list[str]) -> dict[str, bytes]:
    """Files for people: the scores of each class, and the confusion matrix (rows: truth, columns: prediction)."""
    from sklearn.metrics import classification_report, confusion_matrix

    predicted, numbers = probabilities.argmax(axis=1), np.arange(len(classes))
    report = classification_report(
        labels, predicted, labels=numbers, target_names=classes, digits=4, zero_division=0, output_dict=True
    )
    report.pop("accuracy", None)
    confusion = pd.DataFrame(confusion_matrix(labels, predicted, labels=numbers), index=classes, columns=classes)
    return {
        "report.csv": csv(pd.DataFrame(report).T.rename_axis("class")),
        "confusion.csv": csv(confusion.rename_axis("truth")),
    }


def pseudo_by_class(accepted: pa.Table, refused: pa.Table, truth: pd.Series) -> pd.DataFrame:
    """For each class how many unlabelled images were predicted as it: accepted, refused, coverage, mean confidence, and
    of the accepted how many have a known truth and how many are right; precision is empty where no truth is known.
    """
    rows = accepted.select(["image_id", "label", "confidence"]).to_pandas()
    true = rows["image_id"].map(truth)
    rows = rows.assign(known=true.notna(), right=true == rows["label"])
    by_class = rows.groupby("label")
    table = pd.DataFrame({"accepted": by_class.size(), "refused": refused["label"].to_pandas().value_counts()})
    table = table.fillna(0).astype(int).rename_axis("class").sort_index()
    table["coverage"] = table["accepted"] / (table["accepted"] + table["refused"])
    table["confidence"] = by_class["confidence"].mean()
    for name in ("known", "right"):
        table[name] = by_class[name].sum().reindex(table.index, fill_value=0)
    table["precision"] = table["right"] / table["known"].where(table["known"] > 0)
    return table


def csv(table: pd.DataFrame, index: bool = True) -> bytes:
    """A table as a CSV file."""
    buffer = io.StringIO()
    table.to_csv(buffer, index=index)
    return buffer.getvalue().encode()
