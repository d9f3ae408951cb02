"""A dataset without a test image: two images of each class, which cross-validation needs."""

import logging
from pathlib import Path

import numpy as np
import pytest
from bench import run_stage
from PIL import Image

from kindred.runtime import results, runs, summary_table

pytestmark = [pytest.mark.spark, pytest.mark.long]

TRAIN = {"classifier": "logistic_regression", "folds": 5, "seed": 0}


def make_photos(folder: Path, unlabelled: int) -> Path:
    """Three classes of two images each, and some without a label."""
    rng = np.random.default_rng(0)
    for name in ("cat", "dog", "eel"):
        middle = rng.integers(0, 255, (8, 8, 3))
        for i in range(2 + unlabelled):
            place = folder / (name if i < 2 else "unlabeled")
            place.mkdir(parents=True, exist_ok=True)
            pixels = np.clip(middle + rng.normal(0, 20, (8, 8, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(place / f"{name}-{i}.png")
    return folder


@pytest.mark.parametrize("unlabelled", [0, 3])
def test_a_run_without_test_images_ends_with_the_figures_of_cross_validation(
    spark, unlabelled: int, tmp_path: Path, caplog
) -> None:
    run, photos = runs.run_folder("tests", "untested"), make_photos(tmp_path / "photos", unlabelled)

    caplog.set_level(logging.INFO)
    run_stage("ingest", run, dataset="image_folder", path=str(photos), limit=None, leaks="drop")
    run_stage("featurize", run, extractor="pixels", image_size=None, weights="imagenet", preprocessing="", output="")
    run_stage("choose_labels", run, labels_per_class=None, labels=None, label_choice="random", stratified=True, seed=0)
    run_stage("train_base", run, **TRAIN)
    pseudo = {"labeller": "consensus", "threshold": None, "class_thresholds": "fixed", "percentile": 100.0}
    run_stage("pseudo_label", run, **pseudo, clusters=None, novelty=True, seed=0)
    run_stage("train_final", run, **TRAIN)
    run_stage("gate", run, gate="no_harm")
    run_stage("build_index", run)
    evaluated = run_stage("evaluate", run)
    page = run_stage("report", run, projection="pca")

    assert "no test image has a known label, so the run's figures are those of cross-validation only" in caplog.text
    assert evaluated["summary"].startswith("no test image has a known label; cross-validation accuracy base 1.0000")
    assert page["summary"].startswith("No test image has a known label, so the models are compared by cross-validation")
    assert "cv accuracy" in summary_table.table(results.merge(run))
    assert not [name for name in results.read(run) if "/test/" in name]
