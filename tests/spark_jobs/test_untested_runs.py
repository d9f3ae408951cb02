"""Datasets without a test image: two labels of each class, which cross-validation needs, and one, without it."""

import logging
from pathlib import Path

import numpy as np
import pytest
from bench import run_stage
from PIL import Image

from kindred.runtime import results, runs, summary_table

pytestmark = [pytest.mark.spark, pytest.mark.long]

TRAIN = {"classifier": "logistic_regression", "folds": 5, "seed": 0}


def make_photos(folder: Path, labels: int, unlabelled: int) -> Path:
    """Three classes of some labelled images each, and some without a label."""
    rng = np.random.default_rng(0)
    for name in ("cat", "dog", "eel"):
        middle = rng.integers(0, 255, (8, 8, 3))
        for i in range(labels + unlabelled):
            place = folder / (name if i < labels else "unlabeled")
            place.mkdir(parents=True, exist_ok=True)
            pixels = np.clip(middle + rng.normal(0, 20, (8, 8, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(place / f"{name}-{i}.png")
    return folder


def run_all(photos: Path) -> tuple[str, str, str]:
    """All stages on the photos: the run, and what evaluate and report say."""
    run = runs.run_folder("tests", "untested")
    run_stage("ingest", run, dataset="image_folder", path=str(photos), limit=None, leaks="drop")
    run_stage("featurize", run, extractor="pixels", image_size=None, weights="imagenet", preprocessing="", output="")
    run_stage("choose_labels", run, labels_per_class=None, labels=None, label_choice="random", stratified=True, seed=0)
    run_stage("train_base", run, **TRAIN)
    pseudo = {"labeller": "consensus", "threshold": None, "class_thresholds": "fixed", "percentile": 100.0}
    run_stage("pseudo_label", run, **pseudo, clusters=None, novelty=True, seed=0)
    run_stage("train_final", run, **TRAIN)
    run_stage("gate", run, gate="no_harm")
    run_stage("build_index", run)
    evaluated, page = run_stage("evaluate", run), run_stage("report", run, projection="pca")
    return run, evaluated["summary"], page["summary"]


@pytest.mark.parametrize("unlabelled", [0, 3])
def test_a_run_without_test_images_ends_with_the_figures_of_cross_validation(
    spark, unlabelled: int, tmp_path: Path, caplog
) -> None:
    caplog.set_level(logging.INFO)
    run, evaluated, page = run_all(make_photos(tmp_path / "photos", 2, unlabelled))

    assert "no test image has a known label, so the run's figures are those of cross-validation only" in caplog.text
    assert evaluated.startswith("no test image has a known label; cross-validation accuracy base 1.0000")
    assert page.startswith("No test image has a known label. Accuracy by cross-validation: base 100.0%")
    assert "cv accuracy" in summary_table.table(results.merge(run))
    assert not [name for name in results.read(run) if "/test/" in name]


def test_one_label_a_class_gives_a_model_that_nothing_has_scored(spark, tmp_path: Path, caplog) -> None:
    caplog.set_level(logging.INFO)
    run, evaluated, page = run_all(make_photos(tmp_path / "photos", 1, 4))

    assert "too few classes have two given labels to hold one out: there is no cross-validation" in caplog.text
    assert evaluated == (
        "no test image has a known label, and no given label could be held out: the models are not scored"
    )
    assert "so no model is scored" in page
    summary = summary_table.table(results.merge(run))
    figures = results.read(run)
    assert figures["gate/accepted"] == 1
    assert figures["base/cv/folds"] == 0
    assert not [name for name in figures if "accuracy" in name]
    assert "no given label could be held out" in summary
