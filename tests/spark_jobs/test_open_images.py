"""The stage ingest on classes of Open Images: its tables, what is rejected, and when the images are read again."""

from pathlib import Path

import pytest
from bench import job_module, run_stage

from dataset_samples.open_images import PARAMS, make
from kindred.data import open_images_labels
from kindred.runtime import runs, storage
from kindred.runtime.run_reader import RunReader
from kindred.runtime.stage import Stage

DATASET = {"dataset": "open_images", "limit": None, "leaks": "drop"}


@pytest.mark.spark
def test_the_tables_have_one_label_an_image_and_each_image_without_a_file_is_rejected(
    spark, data: Path, tmp_path: Path
) -> None:
    folder = make(tmp_path / "oi")
    (folder / "train" / "b2.jpg").unlink()
    run = runs.run_folder("tests", "open_images")

    mark = run_stage("ingest", run, **DATASET, path=str(folder), **PARAMS, images=None)

    rows = RunReader(run, "featurize").read("images").toPandas()
    assert dict(zip(rows["origin"].str[-6:-4], rows["split"], strict=True)) == {
        **{"a1": "test", "a2": "test", "a3": "test"},
        **{"b0": "train", "b1": "train", "b3": "train"},
    }
    assert rows["image_id"].is_unique
    assert mark["facts"]["classes"] == ["Mountain", "Tree"]
    assert mark["figures"]["ingest/undecoded"] == 1
    assert mark["arguments"]["classes"] == PARAMS["classes"]


def home(**arguments: object) -> str:
    stage = Stage("ingest", "file:///run", {})
    given = {"dataset": "digits", "path": None, "limit": None, "leaks": "drop", **arguments}
    return job_module("ingest").home(stage, **given)


def test_images_are_read_again_for_other_classes_and_other_labels(data: Path, tmp_path: Path) -> None:
    of = {**DATASET, "path": str(make(tmp_path / "oi"))}

    places = [home(**of, **PARAMS), home(**of, classes=["Mountain", "Tree"]), home(**of, **PARAMS, both="keep_first")]

    assert len(set(places)) == 3
    assert home(**of, **PARAMS, images=None) == places[0]


def test_the_images_of_another_dataset_are_found_where_they_were(data: Path) -> None:
    assert home() == home(classes=None, images=None, label_threshold=None)


def test_images_are_read_again_when_the_code_that_reads_the_tables_changes(data: Path, tmp_path, monkeypatch) -> None:
    of = {**DATASET, "path": str(make(tmp_path / "oi")), **PARAMS}
    before, digits = home(**of), home()
    fingerprint, changed = storage.file_fingerprint, Path(open_images_labels.__file__)

    monkeypatch.setattr(
        storage, "file_fingerprint", lambda path: "changed" if Path(path) == changed else fingerprint(path)
    )

    assert home(**of) != before
    assert home() == digits
