"""Shared work is named after the code that makes it: images and features are made again when that code changes."""

from pathlib import Path
from types import ModuleType

import pytest
from bench import job_module

from extracting import MIXED
from kindred.data import (
    decoding,
    folder_layout,
    image_limit,
    images,
    ingest,
    label_spelling,
    labels_csv,
    raw_images,
    reused_images,
)
from kindred.data.datasets import digits, parquet
from kindred.features import extractor_setup, kmeans, onnx_graphs
from kindred.features.extractors import hog, pixels
from kindred.runtime import storage
from kindred.runtime.stage import Stage


def change(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the bytes of a module's file were others."""
    fingerprint, changed = storage.file_fingerprint, Path(str(module.__file__))
    monkeypatch.setattr(
        storage, "file_fingerprint", lambda path: "changed" if Path(path) == changed else fingerprint(path)
    )


def dataset_folder() -> str:
    stage = Stage("ingest", "file:///run", {})
    return job_module("ingest").home(stage, dataset="digits", path=None, limit=None, leaks="drop")


@pytest.mark.parametrize(
    "module",
    [digits, raw_images, decoding, ingest, label_spelling, labels_csv, folder_layout, image_limit, reused_images],
    ids=lambda m: m.__name__,
)
def test_a_dataset_is_read_again_when_its_code_or_that_of_ingest_changes(module: ModuleType, monkeypatch) -> None:
    before = dataset_folder()

    change(module, monkeypatch)

    assert dataset_folder() != before


@pytest.mark.parametrize("module", [pixels, onnx_graphs, images], ids=lambda m: m.__name__)
def test_features_are_made_again_when_the_code_of_their_extractor_changes(module: ModuleType, monkeypatch) -> None:
    before = extractor_setup.for_dataset("pixels", 8, "random", MIXED)

    change(module, monkeypatch)

    assert extractor_setup.for_dataset("pixels", 8, "random", MIXED).fingerprint != before.fingerprint


@pytest.mark.parametrize("module", [parquet, hog, kmeans], ids=lambda m: m.__name__)
def test_other_code_may_change_and_images_and_features_are_reused(module: ModuleType, monkeypatch) -> None:
    before = dataset_folder(), extractor_setup.for_dataset("pixels", 8, "random", MIXED)

    change(module, monkeypatch)

    assert before == (dataset_folder(), extractor_setup.for_dataset("pixels", 8, "random", MIXED))
