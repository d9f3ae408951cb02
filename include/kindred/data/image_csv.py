"""Rows about images as a CSV for people, written one by one: tables of all images are big."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

from kindred.data import origins

if TYPE_CHECKING:
    from pyspark.sql import Row


def write(rows: Iterable["Row | Mapping[str, Any]"], columns: Sequence[str], file: IO[bytes]) -> None:
    """Write these columns of rows, after a line with their names: origins as people write them, numbers with 7 digits,
    true and false, nothing where it is null.
    """
    text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_text(name, row[name]) for name in columns] for row in rows)
    text.detach()


def _text(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name == "origin":
        return origins.path(value)
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.7f}" if isinstance(value, float) else str(value)
