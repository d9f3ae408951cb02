"""Predictions of a fitted classifier, as rows of the tables out_of_fold and predictions_base (and those like them)."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from kindred.learning.networks import Network
from kindred.runtime import arrow, label_sets
from kindred.runtime.arrow import lists, matrix

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

COLUMNS = "image_id string, split string, prediction string, confidence double, probabilities array<float>"


def out_of_fold(
    by_fold: Mapping[int, tuple[np.ndarray, np.ndarray]],
    classes: list[str],
    model: str,
    thresholds: label_sets.Thresholds = None,
) -> pa.Table:
    """Rows of `out_of_fold`: by fold the ids [n] of the given labels, and the probabilities [n, classes] of the model
    that did not see them.
    """
    parts = []
    for fold, (ids, probabilities) in sorted(by_fold.items()):
        columns = {
            "image_id": pa.array(ids, pa.string()),
            "fold": np.full(len(ids), fold, np.int32),
            "model": np.full(len(ids), model),
            "prediction": label_sets.predictions(probabilities, classes, thresholds),
            "probabilities": lists(probabilities),
        }
        parts.append(pa.table(columns))
    return pa.concat_tables(parts) if parts else arrow.schema("out_of_fold").empty_table()


def predictions(features: DataFrame, network: Network, classes: list[str]) -> DataFrame:
    """image_id, split, prediction, confidence, probabilities of every row of `features`."""
    return features.mapInArrow(functools.partial(_predict, network, classes), COLUMNS)


def predicted_rows(features: pa.Table, network: Network, classes: list[str]) -> pa.Table:
    """The same for rows that are here."""
    return pa.Table.from_batches(_predict(network, classes, iter(features.to_batches())))


def _predict(network: Network, classes: list[str], batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        if not batch.num_rows:
            continue
        probabilities = network.probabilities(matrix(batch.column("features")))
        columns = [
            batch.column("image_id"),
            batch.column("split"),
            pa.array(label_sets.predictions(probabilities, classes, network.thresholds), pa.string()),
            pa.array(label_sets.confidences(probabilities, network.thresholds)),
            lists(probabilities),
        ]
        yield pa.RecordBatch.from_arrays(columns, ["image_id", "split", "prediction", "confidence", "probabilities"])
