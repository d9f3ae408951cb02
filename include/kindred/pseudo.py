"""What labellers decide on: every base model's opinion of every unlabelled image."""

import functools
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame

from kindred.networks import Network
from kindred.train import lists, matrix

SCORES = "fold int, image_id string, prediction string, confidence double, probabilities array<float>"


def scores(features: DataFrame, base: dict[int, Network], classes: list[str]) -> DataFrame:
    """Rows of SCORES: for each image, the opinion of each network in `base` (by fold)."""
    return features.mapInArrow(functools.partial(_score, base, classes), SCORES)


def _score(base: dict[int, Network], classes: list[str], batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    names = np.array(classes)
    columns = [column.split()[0] for column in SCORES.split(", ")]
    for batch in batches:
        if not batch.num_rows:
            continue
        features = matrix(batch.column("features"))
        for fold, network in base.items():
            probabilities = network.probabilities(features)
            folds = pa.array(np.full(len(probabilities), fold, np.int32))
            top = pa.array(names[probabilities.argmax(axis=1)])
            values = [folds, batch.column("image_id"), top, pa.array(probabilities.max(axis=1)), lists(probabilities)]
            yield pa.RecordBatch.from_arrays(values, columns)
