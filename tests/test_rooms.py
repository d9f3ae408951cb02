"""What each room loads: the import contracts of pyproject.toml say who may import whom, this is about the weight."""

import json
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import kindred

ROOT = Path(__file__).parents[1]
HEAVY = {"airflow", "keras", "mlflow", "pyspark", "tensorflow", "tf2onnx"}
NUMERIC = {"numpy", "pandas", "pyarrow", "scipy", "sklearn"}
# What works in Spark's sessions and workers, and the model that MLflow serves.
SPARK = {
    *("kindred.data.ingest", "kindred.data.reused_images", "kindred.learning.cross_validation_in_spark"),
    *("kindred.runtime.spark_session", "kindred.search.spark_index", "kindred.serving.predict"),
}
PROGRAMS = {"kindred.search.__main__", "kindred.serving.mlflow_model"}
TABLES = {"kindred.runtime.arrow", "kindred.runtime.job", "kindred.runtime.run_reader", "kindred.runtime.stage"}
ROOMS = [found.name for found in pkgutil.iter_modules(kindred.__path__)]
MODULES = [found.name for found in pkgutil.walk_packages(kindred.__path__, "kindred.")]
SHARED = ("matplotlib.figure", "onnxruntime", "pandas", "pyarrow.dataset", "scipy.stats", "sklearn.linear_model")
DAGS = sorted((ROOT / "dags").glob("*.py"))

pytestmark = pytest.mark.slow


# A process imports what all groups need; then each group has a fork of its own, which sees no other group's imports.
PROGRAM = """
import importlib, json, os, sys
shared, *groups = json.load(sys.stdin)
for name in shared:
    importlib.import_module(name)
for group in groups:
    if os.fork() == 0:
        for name in group:
            importlib.import_module(name)
        print(json.dumps(sorted({name.split(".")[0] for name in sys.modules})), flush=True)
        os._exit(0)
    if os.wait()[1]:
        sys.exit(f"cannot import {group}")
"""


def loaded(groups: list[list[str]], place: Path, shared: tuple[str, ...] = ()) -> list[set[str]]:
    """The packages that are there after an import of each group of modules, and of those that all share."""
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "include"), str(ROOT / "dags")]),
        "AIRFLOW_HOME": str(place),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    command, given = [sys.executable, "-c", PROGRAM], json.dumps([shared, *groups])
    done = subprocess.run(command, input=given, env=env, cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [set(json.loads(line)) for line in done.stdout.splitlines() if line.startswith("[")]


def of(room: str) -> list[str]:
    return [name for name in MODULES if name.startswith(f"kindred.{room}.")]


def test_every_module_stands_in_a_room() -> None:
    assert "learning" in ROOMS
    assert len(ROOMS) == 9
    assert SPARK | PROGRAMS | TABLES <= set(MODULES)


def test_a_room_loads_neither_spark_nor_tensorflow_nor_mlflow_nor_airflow(tmp_path: Path) -> None:
    rooms = {room: [name for name in of(room) if name not in SPARK | PROGRAMS] for room in ROOMS}

    packages = loaded(list(rooms.values()), tmp_path, SHARED)

    assert all(rooms.values())
    assert {room: found & HEAVY for room, found in zip(rooms, packages, strict=True)} == dict.fromkeys(rooms, set())


def test_what_works_in_spark_does_without_the_others(tmp_path: Path) -> None:
    packages = loaded([[name] for name in sorted(SPARK)], tmp_path, SHARED)

    assert [found & HEAVY for found in packages] == [{"pyspark"}] * len(SPARK)


def test_what_dags_need_of_the_runtime_has_no_numbers_either(tmp_path: Path) -> None:
    modules = [name for name in of("runtime") if name not in SPARK | TABLES]

    (packages,) = loaded([modules], tmp_path)

    assert not packages & (HEAVY | NUMERIC)


@pytest.mark.airflow
def test_what_airflow_parses_loads_nothing_heavy(tmp_path: Path) -> None:
    packages = loaded([[path.stem] for path in DAGS], tmp_path, ("airflow.sdk",))

    assert len(packages) == len(DAGS) > 1
    for path, found in zip(DAGS, packages, strict=True):
        assert not found & (HEAVY | {"numpy", "pandas"}) - {"airflow"}, path
