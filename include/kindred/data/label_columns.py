"""Columns of labels and splits of Arrow tables as text: what each type of value means."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.types as pt

from kindred.data import label_spelling
from kindred.runtime.errors import InputError

TEXT, NUMBERS, BOOLEANS = "text", "numbers", "booleans"  # kinds of labels, which one dataset does not mix
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"  # what Hive calls a folder for rows without a value


def kind(column: pa.DataType, names: Sequence[str] = ()) -> str | None:
    """What the values of a column are; None for one without values. Numbers with the `names` of classes are text.
    Raises InputError for a type that cannot be a label.

    >>> kind(pa.int64()), kind(pa.int64(), ["cat"]), kind(pa.dictionary(pa.int8(), pa.string())), kind(pa.null())
    ('numbers', 'text', 'text', None)
    """
    plain = column.value_type if pt.is_dictionary(column) else column
    if pt.is_null(plain):
        return None
    if pt.is_boolean(plain):
        return BOOLEANS
    if pt.is_integer(plain):
        return TEXT if names else NUMBERS
    if pt.is_floating(plain) or pt.is_decimal(plain):
        return NUMBERS
    if _is_text(plain) or is_bytes(plain):
        return TEXT
    raise InputError(f"of type {plain}; known: text, whole numbers, true and false")


def texts(column: pa.Array, names: Sequence[str] = ()) -> list[str | None]:
    """The values of a column as labels; None where there is none. A whole number is the same however it is stored, or,
    with the `names` of classes, one of them. Raises InputError for a value that is no label.

    >>> texts(pa.array([1.0, float("nan"), None])), texts(pa.array([1, -1]), ["cat", "dog"])
    (['1', None, None], ['dog', None])
    """
    values = column.to_pylist()
    text_of = {value: _text(value, names) for value in set(values)}
    return [text_of[value] for value in values]


def from_path(text: str) -> str | None:
    """The value of `label=value` in a path.

    >>> from_path("cat"), from_path("__HIVE_DEFAULT_PARTITION__")
    ('cat', None)
    """
    return None if text == NO_VALUE else label_spelling.label(text)


def is_bytes(column: pa.DataType) -> bool:
    """Whether the values are bytes."""
    plain = column.value_type if pt.is_dictionary(column) else column
    return bool(
        pt.is_binary(plain) or pt.is_large_binary(plain) or pt.is_fixed_size_binary(plain) or pt.is_binary_view(plain)
    )


def _is_text(column: pa.DataType) -> bool:
    return bool(pt.is_string(column) or pt.is_large_string(column) or pt.is_string_view(column))


def _text(value: Any, names: Sequence[str]) -> str | None:
    if value is None or value != value:  # NaN: how pandas, Spark and polars store a number that is not there
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, bytes):
        try:
            return label_spelling.label(value.decode())
        except UnicodeDecodeError:
            raise InputError(f"{value[:20]!r} is no text in UTF-8") from None
    if isinstance(value, str):
        return label_spelling.label(value)
    if isinstance(value, float | Decimal):
        if not math.isfinite(value):
            raise InputError(f"{value} is no label")
        value = int(value) if value == int(value) else value
    return _named(value, names) if names else str(value)


def _named(number: Any, names: Sequence[str]) -> str | None:
    """The name of a class; Hugging Face writes -1 where the class is not known."""
    if number == -1:
        return None
    if not isinstance(number, int) or not 0 <= number < len(names):
        raise InputError(f"{number} is none of the {len(names)} classes that the file names")
    return label_spelling.label(names[number])
