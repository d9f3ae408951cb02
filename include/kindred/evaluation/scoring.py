"""Predictions against the truth: scores, reports, confusion, and how right the pseudo-labels were."""

import io

import numpy as np
import pandas as pd
import pyarrow as pa

from kindred.learning import metrics
from kindred.learning.class_numbers import class_numbers


def on_test(predictions: pa.Table, truth: pd.Series) -> pd.DataFrame:
    """label and probabilities of the test images whose truth (label by image_id) is known, sorted by id."""
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
    """Labels [n] as numbers and probabilities [n, classes], in float64 and summing to 1."""
    probabilities = np.stack(rows["probabilities"].to_list()).astype(np.float64)
    labels = rows["label"].map(class_numbers(classes)).to_numpy()
    return labels, probabilities / probabilities.sum(axis=1, keepdims=True)


def compared(labels: np.ndarray, base: np.ndarray, candidate: np.ndarray, intervals: pd.DataFrame) -> dict[str, float]:
    """The figures that say how sure the scores are: of each model's (`.../test/<score>_low`, `_high`), and of the
    candidate's difference from base, with McNemar's p. `intervals` are `score_intervals.intervals`.
    """
    found = {"candidate/test/mcnemar_p": metrics.mcnemar_p(*((p.argmax(axis=1) == labels) for p in (base, candidate)))}
    prefixes = {"base": "base/test/{}", "other": "candidate/test/{}", "difference": "candidate/test/{}_difference"}
    for name, row in intervals.iterrows():
        for key, prefix in prefixes.items():
            found |= {f"{prefix.format(name)}_{end}": float(row[f"{key}_{end}"]) for end in ("low", "high")}
    return found


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
    """For each class how many unlabelled images were taken for it: accepted, refused, coverage, mean confidence, and of
    the accepted how many have a known truth and how many are right; precision is empty where no truth is known.
    """
    taken = accepted.select(["image_id", "label", "confidence"]).to_pandas()
    true = taken["image_id"].map(truth)
    taken = taken.assign(known=true.notna(), right=true == taken["label"])
    by_class = taken.groupby("label")
    table = pd.DataFrame({"accepted": by_class.size(), "refused": refused["label"].to_pandas().value_counts()})
    table = table.fillna(0).astype(int).rename_axis("class").sort_index()
    table["coverage"] = table["accepted"] / (table["accepted"] + table["refused"])
    table["confidence"] = by_class["confidence"].mean()
    for name in ("known", "right"):
        table[name] = by_class[name].sum().reindex(table.index, fill_value=0)
    table["precision"] = table["right"] / table["known"].where(table["known"] > 0)
    return table


def csv(table: pd.DataFrame, index: bool = True) -> bytes:
    buffer = io.StringIO()
    table.to_csv(buffer, index=index)
    return buffer.getvalue().encode()
