"""The benchmarks: they load, and give the stages what they take."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kindred.runtime import stages

ROOT = Path(__file__).parents[1]
NAMES = sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py"))


@pytest.mark.slow
def test_every_benchmark_loads(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": f"{ROOT / 'include'}:{ROOT / 'benchmarks'}"}
    program = f"import {', '.join(NAMES)}"

    done = subprocess.run([sys.executable, "-c", program], env=env, cwd=tmp_path, stderr=subprocess.PIPE, check=False)

    assert "bench" in NAMES
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.airflow
@pytest.mark.parametrize("stage", [stages.INGEST, stages.TRAIN_BASE, stages.PSEUDO_LABEL, stages.GATE])
def test_the_options_of_a_comparison_are_those_of_the_stages(stage: str) -> None:
    import bench

    args = bench.self_training_parser("a comparison").parse_args(["--dataset", "stl10", "--folds", "3"])

    arguments = bench.arguments(args, stage, seed=7)

    assert tuple(arguments) == stages.ARGUMENTS[stage]
    assert arguments.get("seed", 7) == 7
    assert arguments.get("folds", 3) == 3


@pytest.mark.airflow
@pytest.mark.parametrize(
    "stage", [stages.INGEST, stages.FEATURIZE, stages.TRAIN_BASE, stages.PSEUDO_LABEL, stages.GATE]
)
def test_without_options_a_comparison_does_the_work_of_a_run_without_a_conf(stage: str) -> None:
    """So that a run beside it reuses its dataset and features, and it theirs."""
    import bench

    args = bench.self_training_parser("a comparison").parse_args([])

    form = bench.defaults()
    assert bench.arguments(args, stage, form["seed"]) == {name: form[name] for name in stages.ARGUMENTS[stage]}


QUIET, BUSY = "0.10", "3.00"
ROWS = [("figure", "value"), ("search/ratio_to_faiss_flat", 2.0), ("search/seconds", 4.0)]


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """What a benchmark prints, and what it writes, where the load before its start was this."""
    import bench
    import quiet

    def report(load: str, rows: list[tuple] = ROWS, not_quiet: bool = False) -> tuple[str, dict[str, Any]]:
        monkeypatch.setattr(bench.WATCH, "machine", lambda: quiet.Machine("a processor", 2, float(load), 0.0))
        file = tmp_path / "figures.json"
        bench.report(rows, dict(row for row in ROWS[1:]), str(file), not_quiet)
        return capsys.readouterr().out, json.loads(file.read_text())

    return report


def test_a_quiet_machine_gives_ratios_and_is_named_beside_them(reported) -> None:
    printed, written = reported(QUIET)

    assert "search/ratio_to_faiss_flat  2.0000" in printed
    assert "a processor, 2 threads, load 0.10, stolen 0.0%: quiet" in printed
    machine = {"machine/processor": "a processor", "machine/threads": 2, "machine/load": 0.1, "machine/steal": 0.0}
    assert written == {**dict(ROWS[1:]), **machine, "machine/quiet": 1}


def test_a_busy_machine_gives_no_ratio_and_says_why(reported) -> None:
    printed, written = reported(BUSY)

    assert "2.0000" not in printed
    assert "4.0000" in printed
    assert "not quiet: the load was 3.00 before the start, the limit is 0.50; ratios are left out" in printed
    assert "search/ratio_to_faiss_flat" not in written
    assert written["search/seconds"] == 4.0
    assert written["machine/quiet"] == 0


def test_a_busy_machine_s_ratios_are_marked_where_they_are_wanted_all_the_same(reported) -> None:
    printed, written = reported(BUSY, not_quiet=True)

    assert "2.0000 (not quiet)" in printed
    assert "4.0000 (not quiet)" not in printed
    assert (written["search/ratio_to_faiss_flat"], written["machine/quiet"]) == (2.0, 0)


def test_a_column_of_ratios_is_left_out_like_a_row_of_them(reported) -> None:
    printed, _ = reported(BUSY, [("way", "images/s", "ratio"), ("stage", 300.0, 1.25)])

    assert "300.0000" in printed
    assert "1.2500" not in printed


def test_stolen_time_makes_a_machine_busy_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import quiet

    monkeypatch.setattr(quiet, "STAT", tmp_path / "stat")
    monkeypatch.setattr(quiet.os, "getloadavg", lambda: (0.0, 0.0, 0.0))
    (tmp_path / "stat").write_text("cpu  100 0 100 1000 0 0 0 50 7 0\ncpu0 1 1\n")
    watch = quiet.Watch()
    (tmp_path / "stat").write_text("cpu  160 0 110 1020 0 0 0 60 9 0\ncpu0 1 1\n")

    machine = watch.machine()

    assert machine.steal == 10 / 100
    assert machine.flaw() == "10.0% of the processor's time was stolen, the limit is 1%"


def test_an_image_with_both_labels_is_an_example_of_each_of_the_first_or_of_none() -> None:
    import numpy as np
    import open_images_study

    present = np.array([[True, False], [True, True], [False, True]])

    ways = {way: open_images_study.examples(present, way) for way in open_images_study.WAYS}

    listed = {way: (own.images.tolist(), own.labels.tolist()) for way, own in ways.items()}
    assert listed == {
        "reproduced": ([0, 2, 1, 1], [0, 1, 0, 1]),
        "keep_first": ([0, 1, 2], [0, 0, 1]),
        "ours": ([0, 2], [0, 1]),
    }
