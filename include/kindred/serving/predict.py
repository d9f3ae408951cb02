"""Images that no run has seen -> labels, by the extractor and the final network of a finished run."""

import csv
import functools
import io
import json
from collections.abc import Iterable, Iterator
from typing import IO, Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame, Row

from kindred.data import images
from kindred.data.image_files import read_ahead
from kindred.features.featurize import BATCH, Extractor
from kindred.learning.networks import Network
from kindred.runtime import arrow, tables
from kindred.runtime.storage import local

LABELLED = tables.table("labelled_images").columns
FILES = "origin string, reason string"  # URIs, and why some of them cannot be read
COLUMNS = arrow.schema("labelled_images").names


def label(origins: DataFrame, extractor: Extractor, network: Network, classes: list[str], threads: int) -> DataFrame:
    """Rows of LABELLED for rows of FILES."""
    return origins.mapInPandas(functools.partial(_label, extractor, network, classes, threads), LABELLED)


def write_csv(rows: Iterable[Row], classes: list[str], file: IO[bytes]) -> None:
    """origin, label, confidence, probabilities (JSON: class -> probability), row by row."""
    text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(["origin", "label", "confidence", "probabilities"])
    for row in rows:
        probabilities = json.dumps({name: round(p, 7) for name, p in zip(classes, row.probabilities, strict=True)})
        writer.writerow([local(row.origin), row.label, f"{row.confidence:.7f}", probabilities])
    text.detach()


def write_rejected(rows: Iterable[Row], file: IO[bytes]) -> None:
    """origin, reason of what is no image."""
    text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(["origin", "reason"])
    writer.writerows([local(row.origin), row.reason] for row in rows)
    text.detach()


def _label(
    extractor: Extractor, network: Network, classes: list[str], threads: int, frames: Iterable[pd.DataFrame]
) -> Iterator[pd.DataFrame]:
    for frame in frames:
        for start in range(0, len(frame), BATCH):
            origins, pixels = [], []
            batch = frame[start : start + BATCH]
            bad = batch[batch["reason"].notna()]
            rejected = [
                (origin, None, None, None, reason) for origin, reason in zip(bad.origin, bad.reason, strict=True)
            ]
            readable = batch["origin"][batch["reason"].isna()]
            for origin, read in zip(readable, read_ahead(readable), strict=True):
                try:
                    pixels.append(extractor.resized(images.decode(read())))
                    origins.append(origin)
                except images.ImageError as error:
                    rejected.append((origin, None, None, None, str(error)))
            yield pd.DataFrame(_rows(origins, pixels, extractor, network, classes, threads) + rejected, columns=COLUMNS)


def _rows(
    origins: list[str],
    pixels: list[np.ndarray],
    extractor: Extractor,
    network: Network,
    classes: list[str],
    threads: int,
) -> list[tuple[Any, ...]]:
    if not origins:
        return []
    probabilities = network.probabilities(extractor.features(pixels, threads))
    return [
        (origin, classes[int(p.argmax())], float(p.max()), p.astype(np.float32), None)
        for origin, p in zip(origins, probabilities, strict=True)
    ]
