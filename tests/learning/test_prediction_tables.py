"""Predictions as rows of their tables."""

import math

import numpy as np
import pyarrow as pa
import pytest
from pyspark.testing import assertDataFrameEqual

from kindred.learning import prediction_tables
from kindred.learning.networks import Layer, Network
from kindred.runtime import arrow, tables

CLASSES = ["cat", "dog"]


@pytest.mark.spark
def test_predictions_are_rows_of_their_table(spark) -> None:
    network = Network((Layer(np.array([[1.0, -1.0]]), np.zeros(2)),))
    rows = [("1", "train", [2.0]), ("2", "test", [-2.0])]
    features = spark.createDataFrame(rows, "image_id string, split string, features array<float>")

    predictions = prediction_tables.predictions(features, network, CLASSES)
    here = prediction_tables.predicted_rows(features.toArrow(), network, CLASSES)

    sure = 1 / (1 + math.exp(-4))
    expected = [("1", "train", "cat", sure, [sure, 1 - sure]), ("2", "test", "dog", sure, [1 - sure, sure])]
    columns = tables.table("predictions_base").columns
    assertDataFrameEqual(predictions, spark.createDataFrame(expected, columns), rtol=1e-5)
    assert here.to_pylist() == predictions.toArrow().to_pylist()


def test_out_of_fold_rows_are_rows_of_their_table() -> None:
    probabilities = np.array([[0.25, 0.75]])

    rows = prediction_tables.out_of_fold({2: (np.array(["1"]), probabilities)}, CLASSES, "base").cast(
        arrow.schema("out_of_fold")
    )

    assert rows.to_pylist() == [
        {"image_id": "1", "fold": 2, "model": "base", "prediction": "dog", "probabilities": [0.25, 0.75]}
    ]


def test_with_thresholds_a_prediction_is_a_set_of_classes() -> None:
    network = Network((Layer(np.array([[1.0, -1.0]]), np.zeros(2)),), thresholds=(0.5, 0.1))
    features = pa.table({"image_id": ["1", "2"], "split": ["train", "test"], "features": [[2.0], [-20.0]]})

    both, second = prediction_tables.predicted_rows(features, network, CLASSES).to_pylist()

    sure = 1 / (1 + math.exp(-2))
    assert (both["prediction"], second["prediction"]) == ("cat|dog", "dog")
    assert both["probabilities"] == pytest.approx([sure, 1 - sure])
    assert both["confidence"] == pytest.approx(sure * (1 - sure))
