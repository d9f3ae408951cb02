"""Images that no run has seen -> labels, by the extractor and the final network of a finished run."""

import csv
import functools
import io
import json
from collections.abc import Iterable, Iterator
from typing import IO

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame, Row

from kindred.data import images
from kindred.data.image_files import read_ahead
from kindred.data.sources import list_files
from kindred.features.featurize import BATCH, Extractor
from kindred.learning.networks import Network
from kindred.runtime.errors import InputError
from kindred.runtime.storage import local

LABELLED = "origin string, label string, confidence double, probabilities array<float>, reason string"
COLUMNS = [column.split()[0] for column in LABELLED.split(", ")]


def files(path: str) -> list[str]:
    """The URIs of all files in a folder and below it, but hidden ones. Raises InputError where there is none."""
    root, found = list_files(path)
    prefix = len(root) + 1
    uris = sorted(file.uri for file in found if "/." not in "/" + file.uri[prefix:])
    if not uris:
        raise InputError(f"no file in {local(root)}")
    return uris


def label(origins: DataFrame, extractor: Extractor, network: Network, classes: list[str], threads: int) -> DataFrame:
    """Rows of LABELLED for a DataFrame with a column origin (a URI each)."""
    return origins.mapInPandas(functools.partial(_label, extractor, network, classes, threads), LABELLED)


def write_csv(rows: Iterable[Row], classes: list[str], file: IO[bytes]) -> None:
    """origin, label, confidence, probabilities (JSON: class -> probability), row by row."""
    text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(["origin", "label", "confidence", "probabilities"])
    for row in rows:
        shares = json.dumps({name: round(p, 7) for name, p in zip(classes, row.probabilities, strict=True)})
        writer.writerow([local(row.origin), row.label, f"{row.confidence:.7f}", shares])
    text.detach()


def write_rejected(rows: Iterable[Row], file: IO[bytes]) -> None:
    """origin, reason of what gave no picture."""
    text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(["origin", "reason"])
    writer.writerows([local(row.origin), row.reason] for row in rows)
    text.detach()


def _label(
    extractor: Extractor, network: Network, classes: list[str], threads: int, frames: Iterator[pd.DataFrame]
) -> Iterator[pd.DataFrame]:
    for frame in frames:
        for start in range(0, len(frame), BATCH):
            origins, pixels, rejected = [], [], []
            batch = frame["origin"][start : start + BATCH]
            for origin, read in zip(batch, read_ahead(batch), strict=True):
                try:
                    pixels.append(extractor.resized(images.decode(read())))
                    origins.append(origin)
                except images.ImageError as error:
                    rejected.append((origin, None, None, None, str(error)))
            yield pd.DataFrame(_rows(origins, pixels, extractor, network, classes, threads) + rejected, columns=COLUMNS)


def _rows(origins: list[str], pixels: list[np.ndarray], extractor, network, classes, threads) -> list[tuple]:
    if not origins:
        return []
    probabilities = network.probabilities(extractor.features(pixels, threads))
    return [
        (origin, classes[int(p.argmax())], float(p.max()), p.astype(np.float32), None)
        for origin, p in zip(origins, probabilities, strict=True)
    ]
