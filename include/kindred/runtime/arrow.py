"""Tables as Arrow sees them: the schema of each, and columns of lists as arrays."""

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa

from kindred.runtime import tables

TYPES = {
    "string": pa.string,
    "int": pa.int32,
    "bigint": pa.int64,
    "double": pa.float64,
    "float": pa.float32,
    "binary": pa.binary,
    "boolean": pa.bool_,
}


def schema(table: str) -> pa.Schema:
    """The columns of a table of `tables.py`.

    >>> schema("truth")
    image_id: string
    label: string
    present: bool
    """
    columns = re.split(r", (?![^<]*>)", tables.table(table).columns)
    return pa.schema([(name, _type(text)) for name, text in (column.split(" ", 1) for column in columns)])


def matrix(column: pa.Array) -> np.ndarray:
    """A column of equally long lists of floats as an array [n, d]; [0, 0] where it is empty.

    >>> matrix(pa.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])).shape
    (3, 2)
    """
    return column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), -1 if len(column) else 0)


def lists(values: np.ndarray) -> pa.ListArray:
    """An array [n, d] as a column of lists of float32. Raises ValueError above 2^31 numbers, which it cannot hold.

    >>> lists(np.array([[1, 2], [3, 4]])).to_pylist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    if values.size > np.iinfo(np.int32).max:
        raise ValueError(f"{values.size:,} numbers are too many for one column of lists")
    offsets = np.arange(len(values) + 1, dtype=np.int32) * values.shape[1]
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values.astype(np.float32).ravel()))


def by_id(rows: pa.Table, column: str = "label") -> dict[str, Any]:
    """A column's value for each image_id of a table.

    >>> by_id(pa.table({"image_id": ["a", "b"], "label": ["cat", "dog"]}))
    {'a': 'cat', 'b': 'dog'}
    """
    return dict(zip(rows["image_id"].to_pylist(), rows[column].to_pylist(), strict=True))


def completed(rows: pa.Table, table: str, columns: Iterable[str]) -> pa.Table:
    """Rows of a table with the defaults of those of its columns that they lack, or of which they lack values.

    >>> completed(pa.table({"label": ["cat"]}), "truth", ["label", "present"])["present"].to_pylist()
    [True]
    """
    for name, value in tables.defaults(table).items():
        default = pa.scalar(value)
        if name not in columns:
            continue
        if name not in rows.column_names:
            rows = rows.append_column(name, pa.repeat(default, len(rows)))
        elif rows[name].null_count:
            rows = rows.set_column(rows.column_names.index(name), name, rows[name].fill_null(default))
    return rows


def _type(text: str) -> pa.DataType:
    if match := re.fullmatch(r"array<(.+)>", text):
        return pa.list_(_type(match[1]))
    if match := re.fullmatch(r"map<(\w+), (.+)>", text):
        return pa.map_(_type(match[1]), _type(match[2]))
    return TYPES[text]()
