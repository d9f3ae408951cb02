"""Images without labels: clusters, their names, and the classifier that they become, for real."""

import json
import logging
import time
from pathlib import Path

import numpy as np
import pytest
from bench import execute, job_module, run_stage
from PIL import Image

from dataset_samples.parquet import put_table
from kindred.runtime import results, runs, stages, storage
from kindred.runtime.errors import InputError
from kindred.runtime.run_reader import RunReader
from kindred.runtime.stage import Stage
from pictures import encoded, noise

pytestmark = pytest.mark.spark

TRAIN = {"classifier": "logistic_regression", "folds": 5, "seed": 0}
SOURCE = {"dataset": "image_folder", "limit": None, "leaks": "drop", "labels_required": False}
PIXELS = {"extractor": "pixels", "image_size": None, "weights": "imagenet", "preprocessing": "", "output": ""}
CLUSTERERS = {"clusterers": ["temi", "kmeans"], "cluster_seeds": 1}


def make_photos(folder: Path, classes: bool) -> Path:
    """20 images of each of three kinds, in a folder each or in one."""
    rng = np.random.default_rng(0)
    for name, level in (("cat", 40), ("dog", 128), ("eel", 215)):
        middle = rng.integers(level - 30, level + 30, (8, 8, 3))
        for i in range(20):
            place = folder / name if classes else folder
            place.mkdir(parents=True, exist_ok=True)
            pixels = np.clip(middle + rng.normal(0, 10, (8, 8, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(place / f"{name}-{i}.png")
    return folder


def do(stage: str, run: str, **arguments: object) -> dict:
    """A stage of unsupervised classification, by its own job."""
    job = {**stages.JOBS, **stages.UNSUPERVISED_JOBS}.get(stage, stage)
    module = job_module(job)
    return execute(module.main, getattr(module, "home", None), Stage(stage, run, arguments), time.time())


def cluster_all(run: str, photos: Path, k: int | None = None) -> None:
    do("ingest", run, **SOURCE, path=str(photos))
    run_stage("featurize", run, **PIXELS)
    do("advise_k", run, seed=0)
    for clusterer in CLUSTERERS["clusterers"]:
        run_stage(f"cluster/{clusterer}-0", run, clusterer=clusterer, k=k, seed=0, carry_over=True)


def name(run: str, names: dict[str, str] | None = None, labels: int = 1) -> dict:
    named = {"cluster_names": names, "name_clusters_by": "labels", "labels_per_cluster": labels}
    return do("choose_labels", run, **CLUSTERERS, **named)


def classify(run: str) -> dict:
    """All stages after the names; the mark of score_clusters."""
    run_stage("train_base", run, **TRAIN)
    do("pseudo_label", run, threshold=None)
    run_stage("train_final", run, **TRAIN)
    run_stage("gate", run, gate="no_harm")
    run_stage("build_index", run)
    run_stage("evaluate", run)
    scored = do("score_clusters", run, **CLUSTERERS)
    run_stage("report", run, projection="pca")
    return scored


def test_a_flat_folder_without_labels_becomes_clusters_by_number_and_then_by_name(
    data, spark, tmp_path: Path, caplog
) -> None:
    caplog.set_level(logging.INFO)
    run = runs.run_folder(stages.UNSUPERVISED, "flat")
    runs.put_record(run, {"params": {"k": None, "extractor": "pixels"}, "defaults": {"k": None, "extractor": "auto"}})
    cluster_all(run, make_photos(tmp_path / "photos", classes=False))
    numbered = name(run)

    assert numbered["facts"]["classes"] == ["cluster 1", "cluster 2", "cluster 3"]
    command = next(record.getMessage() for record in caplog.records if "make run DAG" in record.getMessage())
    assert json.dumps({"extractor": "pixels", "cluster_names": {"1": "cat", "2": "dog"}}) in command
    assert "no label is known to compare with" in classify(run)["summary"]
    results.merge(run)
    assert "These clusters have numbers for names" in Path(storage.local(results.report(run))).read_text()

    named = name(run, {"1": "left", "2": "right", "3": "left"})
    classify(run)

    reader = RunReader(run, "report")
    assert named["facts"]["classes"] == reader.classes() == ["left", "right"]
    # Of three labels the gate may refuse what was learned from the others, by a hair: what they are called is sure.
    called = [label for table in ("labels", "pseudo_labels") for label in reader.rows(table)["label"].to_pylist()]
    assert {word: called.count(word) for word in set(called)} == {"left": 40, "right": 20}
    assert set(reader.rows("predictions_final")["prediction"].to_pylist()) <= {"left", "right"}


@pytest.mark.long
def test_labels_name_clusters_and_score_them_and_no_other_stage_sees_them(data, spark, tmp_path: Path) -> None:
    run = runs.run_folder(stages.UNSUPERVISED, "labelled")
    runs.put_record(run, {"params": {"k": 3}, "defaults": {"k": None}})
    cluster_all(run, make_photos(tmp_path / "photos", classes=True), k=3)
    named = name(run, labels=3)
    assert sorted(named["facts"]["names"]) == ["cat", "dog", "eel"]
    scored = classify(run)

    figures = results.merge(run)
    assert figures["clusters/chosen/accuracy"] == figures["named/accuracy"] == figures["final/test/accuracy"] == 1
    assert figures["named/labels"] == 9
    assert figures["clusters/kmeans/learned/nmi"] == pytest.approx(1)
    assert scored["reports"] == ["clusters-confusion.csv"]
    clusters = RunReader(run, "report").rows("clusters").to_pandas()
    counts = clusters.groupby(["method", "split"]).size().to_dict()
    chosen = named["facts"]["clustering"].split("-")[0]
    assert counts == {("kmeans", "train"): 48, ("temi", "train"): 48, (chosen, "test"): 12}


def test_what_cannot_be_divided_is_one_clear_line(data, spark, tmp_path: Path) -> None:
    run = runs.run_folder(stages.UNSUPERVISED, "refused")
    photos = make_photos(tmp_path / "photos", classes=False)
    cluster_all(run, photos, k=2)

    with pytest.raises(InputError, match="99 clusters of 60 images; there must be at least one, and an image for each"):
        run_stage("cluster/temi-0", run, clusterer="temi", k=99, seed=0, carry_over=True)
    with pytest.raises(InputError, match="cluster_names names cluster '7'; there are clusters 1 to 2"):
        name(run, {"7": "cat"})
    with pytest.raises(InputError, match="all labels are of one class, 'cat'; a classifier needs at least two"):
        name(run, {"1": "cat", "2": "cat"})
    with pytest.raises(InputError, match="no labelled image in .*photos"):
        run_stage("ingest", run, dataset="image_folder", path=str(photos), limit=None, leaks="drop")


def test_parquet_without_labels_is_read_and_refused_where_labels_are_needed(data, spark, tmp_path: Path) -> None:
    run = runs.run_folder(stages.UNSUPERVISED, "parquet")
    path = put_table(tmp_path / "table", image=[encoded(noise(seed=seed)) for seed in range(3)])
    source = {"dataset": "parquet", "path": str(path), "limit": None, "leaks": "drop"}

    assert do("ingest", run, **source, labels_required=False)["figures"]["ingest/unlabeled"] == 3
    with pytest.raises(InputError, match="no labels in .*table: no file has values in a column label"):
        run_stage("ingest", runs.run_folder(stages.SELF_TRAINING, "parquet"), **source)


def test_labels_of_one_class_name_nothing_and_images_that_all_have_labels_are_no_error(
    data, spark, tmp_path: Path, caplog
) -> None:
    caplog.set_level(logging.INFO)
    run = runs.run_folder(stages.UNSUPERVISED, "holiday")
    runs.put_record(run, {"params": {"k": 2}, "defaults": {"k": None}})
    photos = make_photos(tmp_path / "photos" / "holiday", classes=False)
    for file in sorted(photos.iterdir())[4:]:
        file.unlink()
    cluster_all(run, photos.parent, k=2)

    assert name(run)["facts"]["classes"] == ["cluster 1", "cluster 2"]
    assert "all labels are 'holiday', which tell no clusters apart" in caplog.text
    run_stage("train_base", run, **TRAIN)
    assert do("pseudo_label", run, threshold=None)["figures"]["pseudo/coverage"] in (0, 1)


def test_a_clusterer_without_centroids_of_its_own_is_no_k_means(data, spark, tmp_path: Path) -> None:
    run = runs.run_folder(stages.UNSUPERVISED, "plain")
    runs.put_record(run, {"params": {}, "defaults": {}})
    do("ingest", run, **SOURCE, path=str(make_photos(tmp_path / "photos", classes=False)))
    run_stage("featurize", run, **PIXELS)

    marks = {
        clusterer: run_stage(f"cluster/{clusterer}", run, clusterer=clusterer, k=3, seed=0, carry_over=False)
        for clusterer in ("kmeans", "communities")
    }

    assert [bool(mark["steps"]) for mark in marks.values()] == [True, False]
    assert len({mark["folder"].rsplit("/", 2)[1] for mark in marks.values()}) == 2
