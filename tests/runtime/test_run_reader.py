"""What the finished stages of a run have left, as others read it."""

import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from kindred.runtime import arrow, job, runs
from kindred.runtime.errors import InputError
from kindred.runtime.run_reader import RunReader
from kindred.runtime.stage import Stage


@pytest.fixture
def run(data: Path) -> str:
    return runs.run_folder("tests", "one")


def do(name: str, run: str, main) -> None:
    """Do a stage that needs no Spark."""
    job.execute(main, None, Stage(name, run, {}), time.time())


def test_a_stage_that_fits_cannot_read_the_truth(run: str) -> None:
    with pytest.raises(InputError, match="stage 'train_base' may not read 'truth'"):
        RunReader(run, "train_base").rows("truth")


def test_a_stage_that_has_not_finished_is_named(run: str) -> None:
    with pytest.raises(InputError, match="no finished 'features' in .*/one; run the 'featurize' stage first"):
        RunReader(run, "train_base").rows("features")
    with pytest.raises(InputError, match="no finished 'gate' stage in .*/one; run the 'gate' stage first"):
        RunReader(run, "evaluate").facts_of("gate")


def test_a_column_becomes_an_array_of_the_images_that_match_sorted_by_id(run: str) -> None:
    def write_features(s: Stage) -> str:
        ids = [name for name in "dcba" for _ in range(2)]
        features = np.repeat([[i, i / 2] for i in range(4)], 2, axis=0)
        columns = {"image_id": ids, "split": ["train", "test"] * 4, "features": arrow.lists(features)}
        s.write_rows("features", pa.table(columns))
        return "written"

    do("featurize", run, write_features)
    ids, features = RunReader(run, "train_base").matrix(
        "features", "features", ds.field("image_id").isin(["c", "a", "zz"])
    )

    assert ids.tolist() == ["a", "c"]
    np.testing.assert_array_equal(features, [[3, 1.5], [1, 0.5]])
    with pytest.raises(InputError, match="no row of 'features' in .* matches the filter"):
        RunReader(run, "train_base").matrix("features", "features", ds.field("image_id") == "zz")


def write_labels(s: Stage) -> str:
    columns = {"image_id": ["a", "b"], "label": ["x", "y"], "confidence": [1.0, 1.0], "source": ["given"] * 2}
    s.write_rows("labels", pa.table(columns))
    return "written"


def test_a_small_table_is_read_whole_or_its_first_rows(run: str) -> None:
    do("choose_labels", run, write_labels)
    reader = RunReader(run, "train_base")

    assert reader.rows("labels", ["label"]).to_pydict() == {"label": ["x", "y"]}
    assert reader.rows("labels", ["label"], limit=1).num_rows == 1
    assert reader.rows("labels", ["label"], ds.field("image_id") == "b").to_pydict() == {"label": ["y"]}


@pytest.mark.spark
def test_what_was_written_without_spark_is_read_with_spark(run: str, spark) -> None:
    do("choose_labels", run, write_labels)

    assert sorted(row.label for row in RunReader(run, "train_base").read("labels").collect()) == ["x", "y"]


def test_a_small_file_of_a_stage_is_read_by_others(run: str) -> None:
    def put(s: Stage) -> str:
        s.put_file("notes.txt", b"hello")
        return "put"

    do("ingest", run, put)

    assert RunReader(run, "evaluate").file("ingest", "notes.txt") == b"hello"
    with pytest.raises(InputError, match="no file 'other.txt' in "):
        RunReader(run, "evaluate").file("ingest", "other.txt")
