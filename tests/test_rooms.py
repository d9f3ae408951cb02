"""What each room loads: the import contracts of pyproject.toml say who may import whom, this is about the weight."""

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
    *("kindred.data.ingest", "kindred.learning.cross_validation_in_spark"),
    *("kindred.runtime.spark_session", "kindred.search.spark_index", "kindred.serving.predict"),
}
PROGRAMS = {"kindred.search.__main__", "kindred.serving.mlflow_model"}
TABLES = {"kindred.runtime.arrow", "kindred.runtime.job", "kindred.runtime.run_reader", "kindred.runtime.stage"}
ROOMS = [found.name for found in pkgutil.iter_modules(kindred.__path__)]
MODULES = [found.name for found in pkgutil.walk_packages(kindred.__path__, "kindred.")]
DAGS = sorted((ROOT / "dags").glob("*.py"))

pytestmark = pytest.mark.slow


def loaded(modules: list[str], place: Path) -> set[str]:
    """The packages that are there after a Python of its own has imported the modules."""
    code = f"import sys, {', '.join(modules)}\nprint('loaded:', *{{name.split('.')[0] for name in sys.modules}})"
    paths = [ROOT / "include", ROOT / "dags"]
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "AIRFLOW_HOME": str(place),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    done = subprocess.run([sys.executable, "-c", code], env=env, cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split("loaded: ")[1].split())


def of(room: str) -> list[str]:
    return [name for name in MODULES if name.startswith(f"kindred.{room}.")]


def test_every_module_stands_in_a_room() -> None:
    assert "learning" in ROOMS
    assert len(ROOMS) == 9
    assert SPARK | PROGRAMS | TABLES <= set(MODULES)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_loads_neither_spark_nor_tensorflow_nor_mlflow_nor_airflow(room: str, tmp_path: Path) -> None:
    modules = [name for name in of(room) if name not in SPARK | PROGRAMS]

    assert modules
    assert not loaded(modules, tmp_path) & HEAVY


@pytest.mark.parametrize("name", sorted(SPARK))
def test_what_works_in_spark_does_without_the_others(name: str, tmp_path: Path) -> None:
    assert loaded([name], tmp_path) & HEAVY == {"pyspark"}


def test_what_dags_need_of_the_runtime_has_no_numbers_either(tmp_path: Path) -> None:
    modules = [name for name in of("runtime") if name not in SPARK | TABLES]

    assert not loaded(modules, tmp_path) & (HEAVY | NUMERIC)


@pytest.mark.airflow
@pytest.mark.parametrize("path", DAGS, ids=lambda path: path.stem)
def test_what_airflow_parses_loads_nothing_heavy(path: Path, tmp_path: Path) -> None:
    assert not loaded([path.stem], tmp_path) & (HEAVY | {"numpy", "pandas"}) - {"airflow"}
