"""A tiny source for each dataset, in a file of the dataset's name, and what tests do with datasets.

Such a file has one function, `make(folder) -> path`: it writes at least five images, of two classes or more, into the
folder (which does not exist yet) and returns the `path` of the dataset; "" for a dataset that takes none. With it the
contract tests in data/test_datasets.py cover the dataset.
"""

import importlib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from kindred.data import decoding
from kindred.runtime import variants
from kindred.runtime.errors import InputError


def make(name: str, folder: Path) -> str:
    """The path of a tiny source for a dataset, made in a folder."""
    return str(importlib.import_module(f"dataset_samples.{name}").make(folder))


def read(spark: Any, name: str, path: Path | str, limit: int | None = None) -> list:
    """A dataset's rows, decoded, in the order of their origins."""
    module = variants.load("dataset", name)
    decoded = decoding.decode(module.read(spark, module.sources(str(path), lambda line: None), limit))
    rows = decoded.orderBy("split", "origin").collect()
    decoded.unpersist()
    return rows


def counts(rows: list) -> dict[tuple, int]:
    """How many rows there are of each split and label."""
    return dict(Counter((row.split, row.label) for row in rows))


def input_error(name: str, path: Path | str) -> str:
    """The one line with which a dataset refuses a path."""
    module = variants.load("dataset", name)
    with pytest.raises(InputError) as caught:
        getattr(module, "check", lambda path: module.sources(path, lambda line: None))(str(path))
    assert "\n" not in str(caught.value)
    return str(caught.value)
