"""A tiny source for each dataset, in a file of the dataset's name, and what tests do with datasets.

Such a file has one function, `make(folder) -> path`: it writes at least five images, of two classes or more, into the
folder (which does not exist yet) and returns the `path` of the dataset; "" for a dataset that takes none. `PARAMS` are
what the dataset takes beside its path, if anything. With it the contract tests in data/test_datasets.py cover the
dataset.
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


def params(name: str) -> dict[str, Any]:
    """What a dataset takes beside its path, for the tiny source."""
    return getattr(importlib.import_module(f"dataset_samples.{name}"), "PARAMS", {})


def read(spark: Any, name: str, path: Path | str, limit: int | None = None) -> list:
    """A dataset's rows, decoded, in the order of their origins."""
    module = variants.load("dataset", name)
    sources = module.sources(str(path), lambda line: None, **params(name))
    decoded = decoding.decode(module.read(spark, sources, limit, **params(name)))
    rows = decoded.orderBy("split", "origin").collect()
    decoded.unpersist()
    return rows


def counts(rows: list) -> dict[tuple, int]:
    """How many rows there are of each split and label."""
    return dict(Counter((row.split, row.label) for row in rows))


def input_error(name: str, path: Path | str, **given: Any) -> str:
    """The one line with which a dataset refuses a path, or what is `given` beside it."""
    module = variants.load("dataset", name)
    check = getattr(module, "check", lambda path, **more: module.sources(path, lambda line: None, **more))
    with pytest.raises(InputError) as caught:
        check(str(path), **{**params(name), **given})
    assert "\n" not in str(caught.value)
    return str(caught.value)
