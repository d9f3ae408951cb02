"""Parquet files of images: what each one holds, by its own schema. Files of one dataset may differ."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as pt

from kindred.data import label_columns, label_spelling
from kindred.runtime import storage
from kindred.runtime.errors import InputError
from kindred.runtime.log_lines import one_line

BUFFER_BYTES = 2**20  # of a column that is read at once: a group of rows may be bigger than memory
ENCRYPTED = b"PARE"


class Contents(NamedTuple):
    """What a file holds: the name of each column that is used (None: it has none), of integer labels the classes'
    names, what its path says (a part of the dataset, a label), and how many rows and bytes each group of rows has.
    """

    uri: str
    images: str
    pixels: bool
    label: str | None
    kind: str | None
    names: tuple[str, ...]
    split: str | None
    part: str | None
    path_label: str | None
    groups: tuple[tuple[int, int], ...]

    @property
    def rows(self) -> int:
        return sum(rows for rows, _ in self.groups)


def contents(uri: str, part: str | None = None, path_label: str | None = None) -> Contents:
    """What the file at a URI holds. Raises InputError for what is no Parquet file, or has other columns."""
    with opened(uri) as file:
        schema, metadata = file.schema_arrow, file.metadata
        column = {name: _column(schema, name) for name in ("image", "pixels", "label", "split")}
        image = _image_column(schema, column["image"], column["pixels"])
        label, split = column["label"], column["split"]
        names = class_names(schema, label)
        kind = _kind(schema, label, names) or (label_columns.TEXT if path_label else None)
        if split and _kind(schema, split, class_names(schema, split)) not in (None, label_columns.TEXT):
            raise InputError(f"column split is no text but {schema.field(split).type}")
        used = [name for name in (image, label, split) if name]
        groups = [_group(metadata.row_group(i), used) for i in range(metadata.num_row_groups)]
    pixels = image == column["pixels"]
    return Contents(uri, image, pixels, label, kind, names, split, part, path_label, tuple(groups))


@contextlib.contextmanager
def opened(uri: str) -> Iterator[pq.ParquetFile]:
    """The file, open; its faults as InputErrors that name it."""
    shown = one_line(storage.local(uri))
    fs, inside = storage.filesystem(uri)
    try:
        with fs.open(inside, "rb") as file:
            if file.read(4) == ENCRYPTED:
                raise InputError("encrypted")
            try:
                parquet = pq.ParquetFile(file, buffer_size=BUFFER_BYTES)
            except (pa.ArrowException, OSError) as error:
                raise InputError(f"truncated or not a Parquet file: {_first_line(error)}") from None
            yield parquet
    except InputError as error:
        raise InputError(f"{shown} is {error}" if _is_state(error) else f"{shown}: {error}") from None
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{shown} cannot be read: {_first_line(error)}") from None


def _is_state(error: InputError) -> bool:
    return str(error).startswith(("encrypted", "truncated"))


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:200]


def _column(schema: pa.Schema, wanted: str) -> str | None:
    """The name of a column, which may differ in upper and lower case."""
    found = [name for name in schema.names if label_spelling.plain(name).casefold() == wanted]
    if len(found) > 1:
        raise InputError(f"{len(found)} columns are named {wanted}: leave one")
    return found[0] if found else None


def _image_column(schema: pa.Schema, image: str | None, pixels: str | None) -> str:
    """The column of encoded files or, where there is none, of pixels."""
    if image:
        kind = schema.field(image).type
        if label_columns.is_bytes(kind) or pt.is_null(kind):
            return image
        if pt.is_struct(kind) and any(f.name == "bytes" and _may_be_bytes(f.type) for f in kind):
            return f"{image}.bytes"
    if pixels and _is_list(schema.field(pixels).type):
        return pixels
    has = {field.name: str(field.type) for field in schema}
    raise InputError(f"needs a column image (binary) or pixels (arrays); it has: {has}")


def _may_be_bytes(column: pa.DataType) -> bool:
    return label_columns.is_bytes(column) or pt.is_null(column)


def _is_list(column: pa.DataType) -> bool:
    return bool(pt.is_list(column) or pt.is_large_list(column) or pt.is_fixed_size_list(column))


def class_names(schema: pa.Schema, column: str | None) -> tuple[str, ...]:
    """The names of the classes behind whole numbers, which Hugging Face writes beside the schema."""
    if not column or not pt.is_integer(schema.field(column).type):
        return ()
    try:
        feature = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"][column]
        return tuple(map(str, feature["names"]))
    except (KeyError, TypeError, ValueError):
        return ()


def _kind(schema: pa.Schema, column: str | None, names: tuple[str, ...]) -> str | None:
    try:
        return label_columns.kind(schema.field(column).type, names) if column else None
    except InputError as error:
        raise InputError(f"column {column} is {error}") from None


def _group(group: Any, used: list[str]) -> tuple[int, int]:
    """Rows and bytes of a group, of the columns that are used. Raises InputError for a codec that is not known."""
    size = 0
    for i in range(group.num_columns):
        column = group.column(i)
        if column.path_in_schema.split(".")[0] in {name.split(".")[0] for name in used}:
            size += column.total_uncompressed_size
            codec = column.compression.lower()
            if codec != "uncompressed" and not _is_known(codec):
                raise InputError(f"compressed by {codec}, which is not known; write it with zstd or snappy")
    return group.num_rows, size


def _is_known(codec: str) -> bool:
    try:
        return bool(pa.Codec.is_available(codec))
    except ValueError:
        return False
