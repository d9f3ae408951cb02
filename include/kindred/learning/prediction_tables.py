"""Predictions of a fitted classifier, as rows of the tables out_of_fold and predictions_base (and those like them)."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from kindred.learning.cross_validation import Fitted
from kindred.learning.networks import Network
from kindred.runtime import arrow
from kindred.runtime.arrow import lists, matrix

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

COLUMNS = "image_id string, split string, prediction string, confidence double, probabilities array<float>"


def out_of_fold(fitted: Fitted, classes: list[str], model: str) -> pa.Table:
    """Rows of `out_of_fold`: the given labels, fold by fold, with the probabilities of the model that did not see
    them.
    """
    parts = []
    for fold, (ids, _, probabilities) in sorted(fitted.out_of_fold.items()):
        columns = {
            "image_id": pa.array(ids, pa.string()),
            "fold": np.full(len(ids), fold, np.int32),
            "model": np.full(len(ids), model),
            "prediction": np.array(classes)[probabilities.argmax(axis=1)],
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
    names = np.array(classes)
    for batch in batches:
        if not batch.num_rows:
            continue
        probabilities = network.probabilities(matrix(batch.column("features")))
        columns = [
            batch.column("image_id"),
            batch.column("split"),
            pa.array(names[probabilities.argmax(axis=1)]),
            pa.array(probabilities.max(axis=1)),
            lists(probabilities),
        ]
        yield pa.RecordBatch.from_arrays(columns, ["image_id", "split", "prediction", "confidence", "probabilities"])
