"""Predictions against the truth: scores, reports, confusion, and how right the pseudo-labels were."""

import io

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def on_test(predictions: DataFrame, truth: DataFrame) -> pd.DataFrame:
    """label and probabilities of the test images whose truth is known, sorted by id."""
    rows = predictions.where("split = 'test'").join(truth, "image_id", how="inner")
    return rows.select("image_id", "label", "probabilities").toPandas().sort_values("image_id")


def on_hidden(predictions: DataFrame, truth: DataFrame, given: DataFrame) -> dict[str, float]:
    """Accuracy on the images outside the test part whose label is known but was not given, and how many there are.

    For the base model these are as unseen as the test images; the final one has learned from its own labels for some.
    """
    rest = predictions.where("split != 'test'").join(given.select("image_id"), "image_id", how="left_anti")
    right = rest.join(truth, "image_id", how="inner").select((F.col("prediction") == F.col("label")).alias("right"))
    count, share = right.agg(F.count(F.lit(1)), F.avg(F.col("right").cast("double"))).first()
    return {"images": count, "accuracy": share} if count else {}


def arrays(rows: pd.DataFrame, classes: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Labels [n] as numbers and probabilities [n, classes], in float64 and summing to 1."""
    probabilities = np.stack(rows["probabilities"].to_list()).astype(np.float64)
    labels = rows["label"].map({name: i for i, name in enumerate(classes)}).to_numpy()
    return labels, probabilities / probabilities.sum(axis=1, keepdims=True)


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


def pseudo_by_class(pseudo: DataFrame, refused: DataFrame, truth: DataFrame) -> pd.DataFrame:
    """For each class how many unlabelled images were taken for it: accepted, refused, coverage, mean confidence, and of
    the accepted how many have a known truth and how many are right; the last two null where no truth is known.
    """
    told = pseudo.select("image_id", "label", "confidence", F.lit(1).alias("accepted")).unionByName(
        refused.select("image_id", "label", F.lit(None).cast("double").alias("confidence"), F.lit(0).alias("accepted"))
    )
    known = told.join(truth.withColumnRenamed("label", "true"), "image_id", how="left")
    taken = F.col("accepted") == 1
    found = known.groupBy(F.col("label").alias("class")).agg(
        F.sum("accepted").alias("accepted"),
        F.count_if(~taken).alias("refused"),
        F.avg("confidence").alias("confidence"),
        F.count_if(taken & F.col("true").isNotNull()).alias("known"),
        F.count_if(taken & (F.col("label") == F.col("true"))).alias("right"),
    )
    table = found.toPandas().set_index("class").sort_index()
    table.insert(2, "coverage", table["accepted"] / (table["accepted"] + table["refused"]))
    table["precision"] = table["right"] / table["known"].where(table["known"] > 0)
    return table


def csv(table: pd.DataFrame) -> bytes:
    buffer = io.StringIO()
    table.to_csv(buffer)
    return buffer.getvalue().encode()
