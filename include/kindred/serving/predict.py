"""Images that no run has seen -> labels, by the extractor and the final network of a finished run."""

import functools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame, Row

from kindred.data import image_csv, images
from kindred.data.image_files import read_ahead
from kindred.features.featurize import BATCH, Extractor
from kindred.learning.known_classes import KnownClasses
from kindred.learning.networks import Network
from kindred.runtime import arrow, label_sets, tables

LABELLED = tables.table("labelled_images").columns
FILES = "origin string, reason string"  # URIs, and why some of them cannot be read
COLUMNS = arrow.schema("labelled_images").names
CSV_COLUMNS = ("origin", "label", "confidence", "none_of_these", "probabilities")
REJECTED_COLUMNS = ("origin", "reason")


@dataclass(frozen=True)
class Model:
    """What labels images in a worker, on so many `threads`; `known` is None where the run has not learned which images
    are of none of its classes.
    """

    extractor: Extractor
    network: Network
    classes: list[str]
    known: KnownClasses | None
    threads: int = 1

    def rows(self, origins: list[str], pixels: list[np.ndarray]) -> list[tuple[Any, ...]]:
        """Rows of LABELLED for images, by their pixels as the extractor takes them."""
        if not origins:
            return []
        features = self.extractor.features(pixels, self.threads)
        probabilities = self.network.probabilities(features)
        none: list[bool | None] = [None] * len(origins)
        if self.known is not None:
            none = self.known.none_of_these(features).tolist()
        return [
            (origin, label, confidence, flag, p.astype(np.float32), None)
            for origin, label, confidence, flag, p in zip(
                origins,
                label_sets.predictions(probabilities, self.classes, self.network.thresholds),
                label_sets.confidences(probabilities, self.network.thresholds).tolist(),
                none,
                probabilities,
                strict=True,
            )
        ]


def label(origins: DataFrame, model: Model) -> DataFrame:
    """Rows of LABELLED for rows of FILES."""
    return origins.mapInPandas(functools.partial(_label, model), LABELLED)


def write_csv(rows: Iterable[Row], classes: list[str], file: IO[bytes]) -> None:
    """origin, label (of several labels an image `label_sets.joined`), confidence, none_of_these (true, false, or empty
    where the run has not learned it), probabilities (JSON: class -> probability), row by row.
    """
    image_csv.write((row.asDict() | {"probabilities": _json(row, classes)} for row in rows), CSV_COLUMNS, file)


def _json(row: Row, classes: list[str]) -> str:
    return json.dumps({name: round(p, 7) for name, p in zip(classes, row.probabilities, strict=True)})


def _label(model: Model, frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    for frame in frames:
        for start in range(0, len(frame), BATCH):
            origins, pixels = [], []
            batch = frame[start : start + BATCH]
            bad = batch[batch["reason"].notna()]
            rejected = [
                (origin, None, None, None, None, reason) for origin, reason in zip(bad.origin, bad.reason, strict=True)
            ]
            readable = batch["origin"][batch["reason"].isna()]
            for origin, read in zip(readable, read_ahead(readable), strict=True):
                try:
                    pixels.append(model.extractor.resized(images.decode(read())))
                    origins.append(origin)
                except images.ImageError as error:
                    rejected.append((origin, None, None, None, None, str(error)))
            yield pd.DataFrame(model.rows(origins, pixels) + rejected, columns=COLUMNS)
