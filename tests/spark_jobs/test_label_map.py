"""The stage label_map: from label tables of Open Images to the section of the report."""

import shutil
import time
from pathlib import Path

import generated
import pytest
from bench import run_stage

from kindred.data import label_counts
from kindred.report import labels_section
from kindred.runtime import job, runs
from kindred.runtime.errors import InputError
from kindred.runtime.run_reader import RunReader
from kindred.runtime.stage import Stage

pytestmark = pytest.mark.spark

ROWS = """ImageID,Source,LabelName,Confidence
a,verification,/m/07j7r,1
a,verification,/m/0k4j,0
b,verification,/m/07j7r,1
b,verification,/m/0k4j,1
c,verification,/m/07j7r,0
c,verification,/m/0k4j,1
d,verification,/m/07j7r,0
"""
ARGUMENTS = {"label_source": "human", "label_threshold": 0.8}


@pytest.fixture
def run() -> str:
    """A run with four images."""
    folder = runs.run_folder("tests", "labels")
    job.execute(generated.write_ingest, None, Stage("ingest", folder, {"count": 4}), time.time())
    return folder


def test_rows_become_tables_and_a_section_and_a_second_try_is_reused(spark, run: str, tmp_path: Path) -> None:
    (tmp_path / "oidv7-val-annotations-human-imagelabels.csv").write_text(ROWS)
    (tmp_path / "oidv7-class-descriptions.csv").write_text("LabelName,DisplayName\n/m/07j7r,Tree\n")

    mark = run_stage("label_map", run, path=str(tmp_path), **ARGUMENTS)
    again = run_stage("label_map", run, path=str(tmp_path), **ARGUMENTS)

    reader = RunReader(run, "report")
    counts = reader.rows("label_counts").sort_by("rank").to_pylist()
    assert counts[0] == {
        **{"rank": 1, "label": "/m/07j7r", "name": "Tree", "rows": 4, "positive_rows": 2, "present": 2, "absent": 2},
        **{"unknown": 0, "contradicting": 0},
    }
    assert (counts[1]["name"], counts[1]["present"], counts[1]["absent"], counts[1]["unknown"]) == (None, 2, 1, 1)
    (pair,) = reader.rows("label_pairs").to_pylist()
    assert (pair["known"], pair["both"], round(pair["phi"], 6)) == (3, 1, -0.5)
    assert mark["figures"]["label_map/images"] == 4
    assert mark["figures"]["label_map/labels_per_image"] == 1.0
    assert again["figures"]["label_map/reused"] == 1
    assert mark["summary"] == "7 rows, 4 of them positive, of 2 labels on 4 images"
    labels = labels_section.read(reader)
    assert labels is not None
    assert labels_section.headline(labels) == "2 labels on 4 images: 1.0 present labels an image, at most 2."


def test_images_of_the_run_that_show_several_of_its_classes_are_listed_also_by_what_is_a_kind_of_one(spark) -> None:
    verdicts = spark.createDataFrame(
        [("a", "/m/tree", True), ("a", "/m/car", True), ("b", "/m/oak", True), ("b", "/m/car", True)]
        + [("c", "/m/tree", True), ("c", "/m/car", False), ("d", "/m/oak", True), ("d", "/m/tree", True)]
        + [("e", "/m/tree", True), ("e", "/m/car", True)],
        "image_id string, label string, present boolean",
    )
    class_of = spark.createDataFrame(
        [("/m/tree", "Tree"), ("/m/oak", "Tree"), ("/m/car", "Car")], "label string, class string"
    )
    images = spark.createDataFrame(
        [(f"hash-{name}", f"s3a://images/train/{name}.jpg") for name in "abcd"], "image_id string, origin string"
    )

    rows = label_counts.several_classes(verdicts, class_of, images).collect()

    assert sorted(map(tuple, rows)) == [("hash-a", "Car|Tree"), ("hash-b", "Car|Tree")]


def test_tables_without_rows_and_folders_without_tables_are_bad_input(spark, run: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no label table of Open Images"):
        run_stage("label_map", run, path=str(tmp_path), **ARGUMENTS)

    (tmp_path / "oidv7-val-annotations-human-imagelabels.csv").write_text(ROWS.splitlines()[0] + "\n")

    with pytest.raises(InputError, match="no row in the label tables"):
        run_stage("label_map", run, path=str(tmp_path), **ARGUMENTS)


def test_real_labels_of_a_machine_are_counted(spark, run: str, shared_data: Path, tmp_path: Path) -> None:
    eda = shared_data / "dev_open_images" / "eda"
    if not eda.is_dir():
        pytest.skip("no dev_open_images/eda in ../shared/data")
    shutil.copytree(eda, tmp_path / "eda")

    figures = run_stage("label_map", run, path=str(tmp_path), label_source="machine", label_threshold=0.7)["figures"]

    assert (figures["label_map/rows"], figures["label_map/images"]) == (13_386, 4_510)
    assert figures["label_map/absent"] == 0
