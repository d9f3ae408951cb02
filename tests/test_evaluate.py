"""Predictions against the truth, with numbers to check in one's head."""

import numpy as np
import pytest

from kindred import evaluate

pytestmark = pytest.mark.spark

PREDICTIONS = "image_id string, split string, prediction string, confidence double, probabilities array<float>"


@pytest.fixture
def tables(spark):
    rows = [
        ("a", "test", "cat"),
        ("b", "test", "cat"),
        ("c", "train", "dog"),
        ("d", "train", "dog"),
        ("e", "unlabeled", "cat"),
    ]
    predictions = [(i, split, label, 0.75, [0.75, 0.25]) for i, split, label in rows]
    truth = [("a", "cat"), ("b", "dog"), ("c", "dog"), ("d", "cat")]
    return spark.createDataFrame(predictions, PREDICTIONS), spark.createDataFrame(
        truth, "image_id string, label string"
    )


def test_only_test_images_with_a_known_truth_are_scored(tables):
    rows = evaluate.on_test(*tables)
    labels, probabilities = evaluate.arrays(rows, ["cat", "dog"])

    assert rows["image_id"].to_list() == ["a", "b"]
    assert labels.tolist() == [0, 1]
    assert np.allclose(probabilities, [[0.75, 0.25], [0.75, 0.25]])


def test_hidden_images_are_those_with_a_truth_that_was_not_given(tables, spark):
    given = spark.createDataFrame([("c",)], "image_id string")

    assert evaluate.on_hidden(*tables, given) == {"images": 1, "accuracy": 0.0}


def test_the_confusion_matrix_has_a_row_for_each_truth():
    reports = evaluate.reports(np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]), ["cat", "dog"])

    assert reports["confusion.csv"].decode().splitlines() == ["truth,cat,dog", "cat,1,0", "dog,1,1"]
    assert b"macro avg" in reports["report.csv"]


def test_the_precision_of_pseudo_labels_counts_only_those_with_a_known_truth(tables, spark):
    columns = "image_id string, label string, confidence double"
    accepted = spark.createDataFrame([("c", "dog", 0.9), ("d", "dog", 0.7), ("e", "cat", 1.0)], columns)
    refused = spark.createDataFrame([("f", "cat", 0.2)], columns)

    found = evaluate.pseudo_by_class(accepted, refused, tables[1])

    assert found.index.to_list() == ["cat", "dog"]
    assert found["accepted"].to_list() == [1, 2]
    assert found["coverage"].to_list() == [0.5, 1]
    assert found["known"].to_list() == [0, 2]
    assert found["right"].to_list() == [0, 1]
    assert found["confidence"].to_list() == pytest.approx([1, 0.8])
    assert np.isnan(found["precision"]["cat"])
    assert found["precision"]["dog"] == 0.5
    assert evaluate.csv(found).decode().splitlines()[0].startswith("class,accepted,refused,coverage")
