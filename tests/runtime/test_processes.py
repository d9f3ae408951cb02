"""Stages as the processes that they are: killed at a random moment and tried again, and two at once on one dataset."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pyarrow.dataset as ds
import pytest

from kindred.runtime import java, marks, storage

pytestmark = pytest.mark.spark

ROOT = Path(__file__).parents[2]
INGEST = {"dataset": "digits", "path": "", "limit": 300, "leaks": "drop"}


def test_a_stage_killed_at_a_random_moment_leaves_nothing_and_its_retry_gives_the_same_tables(tmp_path, seed):
    undisturbed, run = tmp_path / "undisturbed", tmp_path / "killed"
    assert finish(submit(undisturbed, "ingest", INGEST)) == 0
    seconds = random.Random(seed).uniform(4, 16)  # from before Spark is there to about the commit
    moment = f"killed after {seconds:.2f} s; KINDRED_TEST_SEED={seed} kills it then again"

    process = submit(run, "ingest", INGEST)
    time.sleep(seconds)
    kill_tree(process.pid)
    orphans = attempts(run)
    halfway = tables(run) if marks.mark_of(f"file://{run}/runs/r/ingest") else None
    status = finish(submit(run, "ingest", INGEST))

    assert halfway in (None, tables(undisturbed)), moment
    assert status == 0, moment
    assert tables(run) == tables(undisturbed), moment
    assert len(orphans) <= 1, moment
    assert attempts(run) == [marks.mark_of(f"file://{run}/runs/r/ingest")["attempt"]], moment


def test_two_runs_at_once_on_one_dataset_commit_one_attempt_and_agree(tmp_path):
    first, second = (submit(tmp_path, "ingest", INGEST, run) for run in ("a", "b"))

    statuses = [finish(first), finish(second)]

    stage_marks = [marks.mark_of(f"file://{tmp_path}/runs/{run}/ingest") for run in ("a", "b")]
    stage = next((tmp_path / "datasets").glob("digits-*/ingest"))
    assert statuses == [0, 0]
    assert stage_marks[0]["attempt"] == stage_marks[1]["attempt"]
    assert [path.name for path in stage.iterdir() if path.is_dir()] == [stage_marks[0]["attempt"]]


def test_bad_input_ends_with_status_2_and_one_line(tmp_path):
    process = submit(tmp_path, "ingest", {**INGEST, "dataset": "stl10", "path": str(tmp_path / "missing")})

    output, _ = process.communicate(timeout=120)

    lines = [line for line in output.splitlines() if "[kindred]" in line]
    assert process.returncode == 2
    assert lines[-1] == f"[kindred] ingest failed: no such file or folder: {tmp_path}/missing"
    assert "Traceback" not in output
    assert "\tat org.apache" not in output


def submit(data: Path, stage: str, arguments: dict, run: str = "r") -> subprocess.Popen:
    master = "local[2]"
    settings = {**java.submit_settings(), **java.local_settings(master)}
    confs = [part for item in settings.items() for part in ("--conf", "=".join(item))]
    values = [part for name, value in arguments.items() for part in (f"--{name}", json.dumps(value))]
    command = [str(Path(sys.executable).parent / "spark-submit"), "--master", master, *confs]
    env = {
        **os.environ,
        **java.environment(),
        **java.local_addresses(master),
        "KINDRED_DATA": str(data),
        "JAVA_HOME": java.java_home(),
        "PYTHONPATH": str(ROOT / "include"),
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
    }
    job = [str(ROOT / "spark_jobs" / f"{stage}.py"), "--run-uri", f"file://{data}/runs/{run}", "--stage", stage]
    return subprocess.Popen(
        [*command, *job, *values], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def finish(process: subprocess.Popen) -> int:
    process.communicate(timeout=300)
    return process.returncode


def kill_tree(pid: int) -> None:
    try:
        tree = [*psutil.Process(pid).children(recursive=True), psutil.Process(pid)]
    except psutil.NoSuchProcess:  # it has ended before its time
        return
    for process in tree:
        process.kill()


def attempts(data: Path) -> list[str]:
    """The attempts' folders of the stage."""
    return [path.name for path in data.glob("datasets/*/ingest/*") if path.is_dir()]


def tables(data: Path) -> dict[str, list]:
    """The rows of each table that the stage has committed, sorted."""
    mark = marks.mark_of(f"file://{data}/runs/r/ingest")
    sorted_rows = {}
    for name, uri in mark["tables"].items():
        rows = ds.dataset(storage.local(uri), format="parquet").to_table().to_pylist()
        sorted_rows[name] = sorted(rows, key=lambda row: json.dumps(row, default=str, sort_keys=True))
    return sorted_rows
