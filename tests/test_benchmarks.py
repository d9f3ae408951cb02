"""The benchmarks: they load, and give the stages what they take."""

import os
import subprocess
import sys
from pathlib import Path

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
