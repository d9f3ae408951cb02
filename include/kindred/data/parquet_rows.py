"""The rows of Parquet files of images: where each belongs, and its image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from kindred.data import images, label_columns, label_spelling
from kindred.data.label_spelling import SPLIT_OF
from kindred.data.parquet_files import Contents, class_names, opened
from kindred.runtime import partitioning
from kindred.runtime.errors import InputError
from kindred.runtime.tables import TRAIN, UNLABELED

MAX_BATCH_ROWS = 256
LABELS_PER_BATCH = 65536

Place = tuple[str, str | None]  # split and label


def places(file: Contents) -> list[Place]:
    """The split and the label of each row. Raises InputError for a value that is neither."""
    columns = [name for name in (file.label, file.split) if name]
    if not columns:
        return _places(file, None, file.rows)
    with opened(file.uri) as parquet:
        batches = parquet.iter_batches(batch_size=LABELS_PER_BATCH, columns=columns)
        return [place for batch in batches for place in _places(file, batch, batch.num_rows)]


def rows(file: Contents, start: int, stop: int, chosen: frozenset[int] | None = None) -> Iterator[tuple[Any, ...]]:
    """The rows from `start` to `stop`, which are borders of groups, or the `chosen` ones of them, as rows of
    `raw_images.SCHEMA`.
    """
    columns = [file.images] if file.pixels else _leaves(file)
    columns += [name for name in (file.label, file.split) if name]
    with opened(file.uri) as parquet:
        row = 0
        for group, (count, size) in enumerate(file.groups):
            if start <= row < stop:
                batch_rows = max(1, min(MAX_BATCH_ROWS, partitioning.batch_bytes() * count // max(size, 1)))
                number = row
                for batch in parquet.iter_batches(batch_rows, row_groups=[group], columns=columns):
                    for i, place in enumerate(_places(file, batch, batch.num_rows)):
                        if chosen is None or number + i in chosen:
                            yield _row(file, batch.column(file.images.split(".")[0])[i], number + i, place)
                    number += batch.num_rows
            row += count


def _leaves(file: Contents) -> list[str]:
    """The columns of encoded images: of a struct the bytes and, where there is one, the path."""
    name, _, field = file.images.partition(".")
    return [file.images, f"{name}.path"] if field else [name]


def _places(file: Contents, batch: pa.RecordBatch | None, count: int) -> list[Place]:
    labels: list[str | None] = [file.path_label] * count
    if batch is not None and file.label:
        labels = _texts(batch, file.label, file.names)
    if batch is None or not file.split:
        return [(_split(file.part, label), label) for label in labels]
    parts = _texts(batch, file.split, class_names(batch.schema, file.split))
    split_of = {text: _known_split(text) for text in dict.fromkeys(parts)}
    return [(split_of[text], label) for text, label in zip(parts, labels, strict=True)]


def _texts(batch: pa.RecordBatch, column: str, names: tuple[str, ...]) -> list[str | None]:
    try:
        return label_columns.texts(batch.column(column), names)
    except InputError as error:
        raise InputError(f"column {column}: {error}") from None


def _split(part: str | None, label: str | None) -> str:
    """The split of a row by the part that the path names: a row for training without a label is unlabelled."""
    split = SPLIT_OF[part or TRAIN]
    return UNLABELED if split == TRAIN and label is None else split


def _known_split(text: str | None) -> str:
    part = label_spelling.part(text) if text is not None else None
    if part is None:
        raise InputError(f"unknown split {text!r}; known: {', '.join(SPLIT_OF)}")
    return SPLIT_OF[part]


def _row(file: Contents, value: Any, number: int, place: Place) -> tuple[Any, ...]:
    head = (place[0], f"{file.uri}#{number:012d}", place[1])
    if file.pixels:
        return (*head, *_from_array(value.as_py()))
    content = value.as_py()
    if isinstance(content, dict):
        if content["bytes"] is None and content.get("path"):
            return (*head, None, None, None, None, f"no bytes, only the path {content['path']!r}")
        content = content["bytes"]
    return (*head, None, None, None, content or b"", None)


def _from_array(value: Any) -> tuple[Any, ...]:
    """Height, width, channels, content and reason of nested values."""
    try:
        array = np.array(value if value is not None else [])
        if array.dtype.kind not in "iu" or array.size == 0 or array.min() < 0 or array.max() > 255:
            raise images.ImageError("pixels must be whole numbers from 0 to 255")
        pixels = images.from_array(array.astype(np.uint8))
    except (images.ImageError, ValueError) as error:
        return None, None, None, None, str(error)
    return *pixels.shape, pixels.tobytes(), None
