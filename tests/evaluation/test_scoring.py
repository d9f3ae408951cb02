"""Predictions against the truth, with numbers to check in one's head."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from kindred.evaluation import scoring

TRUTH = pd.Series({"a": "cat", "b": "dog", "c": "dog", "d": "cat"})


def test_only_test_images_with_a_known_truth_are_scored() -> None:
    predictions = pa.table({"image_id": ["b", "x", "a"], "probabilities": [[0.75, 0.25]] * 3})

    rows = scoring.on_test(predictions, TRUTH)
    labels, probabilities = scoring.arrays(rows, ["cat", "dog"])

    assert rows["image_id"].to_list() == ["a", "b"]
    assert labels.tolist() == [0, 1]
    assert np.allclose(probabilities, [[0.75, 0.25], [0.75, 0.25]])


def test_hidden_images_are_those_with_a_truth_that_was_not_given() -> None:
    predictions = pa.table({"image_id": ["c", "d", "e"], "prediction": ["dog", "dog", "cat"]})

    assert scoring.on_hidden(predictions, TRUTH, {"c"}) == {"images": 1, "accuracy": 0.0}
    assert scoring.on_hidden(predictions, TRUTH, {"c", "d"}) == {}


def test_the_confusion_matrix_has_a_row_for_each_truth() -> None:
    reports = scoring.reports(np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]), ["cat", "dog"])

    assert reports["confusion.csv"].decode().splitlines() == ["truth,cat,dog", "cat,1,0", "dog,1,1"]
    assert b"macro avg" in reports["report.csv"]


def test_the_precision_of_pseudo_labels_counts_only_those_with_a_known_truth() -> None:
    accepted = pa.table({"image_id": list("cde"), "label": ["dog", "dog", "cat"], "confidence": [0.9, 0.7, 1.0]})
    refused = pa.table({"image_id": ["f", "g"], "label": ["cat", "eel"], "confidence": [0.2, 0.1]})

    table = scoring.pseudo_by_class(accepted, refused, TRUTH)

    assert table.index.to_list() == ["cat", "dog", "eel"]
    assert table["accepted"].to_list() == [1, 2, 0]
    assert table["coverage"].to_list() == [0.5, 1, 0]
    assert table["known"].to_list() == [0, 2, 0]
    assert table["right"].to_list() == [0, 1, 0]
    assert table["confidence"].to_list()[:2] == pytest.approx([1, 0.8])
    assert np.isnan(table["precision"]["cat"])
    assert table["precision"]["dog"] == 0.5
    assert scoring.csv(table).decode().splitlines()[0].startswith("class,accepted,refused,coverage")


def test_without_a_pseudo_label_the_table_is_empty() -> None:
    nothing = pa.table(
        {
            "image_id": pa.array([], pa.string()),
            "label": pa.array([], pa.string()),
            "confidence": pa.array([], pa.float64()),
        }
    )

    assert scoring.pseudo_by_class(nothing, nothing, TRUTH).empty
