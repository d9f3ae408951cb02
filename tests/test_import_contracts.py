"""Each import contract of pyproject.toml breaks where code does not keep to it, also by an import inside a function."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONTRACTS = [
    contract["name"]
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
]
# Where an import is put, what it imports, and how the contract begins that it breaks.
FORBIDDEN = [
    ("include/kindred/data/images.py", "kindred.learning.networks", "A room imports only"),
    ("include/kindred/evaluation/scoring.py", "kindred.studies.stl10", "A room imports only"),
    ("include/kindred/studies/stl10.py", "kindred.search.distances", "The published studies"),
    ("include/kindred/runtime/storage.py", "airflow", "The core knows nothing of Airflow"),
    ("include/kindred/report/plots.py", "kindred_airflow.links", "The core knows nothing of Airflow"),
    ("spark_jobs/gate.py", "airflow.sdk", "A Spark job knows nothing of Airflow"),
    ("spark_jobs/gate.py", "spark_jobs.train", "A Spark job imports no other job"),
    ("dags/predict.py", "kindred.learning.networks", "A DAG file has order and form only"),
    ("plugins/search.py", "mlflow", "Only tracking, its deletion"),
]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code and the contracts."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("include", "dags", "plugins", "spark_jobs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def lint(checkout: Path) -> tuple[int, str]:
    """The exit status of lint-imports, and its lines as one."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(checkout / "include"), str(checkout)])}
    command = [Path(sys.executable).with_name("lint-imports"), "--no-logo"]
    done = subprocess.run(command, cwd=checkout, env=env, capture_output=True, text=True, check=False)
    return done.returncode, " ".join(done.stdout.split())


def test_the_code_keeps_to_all_contracts(checkout: Path) -> None:
    status, lines = lint(checkout)

    assert (status, f"{len(CONTRACTS)} kept, 0 broken" in lines) == (0, True), lines


@pytest.mark.parametrize(("file", "module", "contract"), FORBIDDEN, ids=lambda value: value.split("/")[-1])
def test_a_forbidden_import_inside_a_function_breaks_its_contract(
    checkout: Path, file: str, module: str, contract: str
) -> None:
    code = (checkout / file).read_text()
    (checkout / file).write_text(f"{code}\n\ndef added():\n    import {module}\n")

    status, lines = lint(checkout)

    (checkout / file).write_text(code)
    (name,) = (name for name in CONTRACTS if name.startswith(contract))
    assert (status, f"{name} BROKEN" in lines) == (1, True), lines


def test_each_contract_is_broken_once() -> None:
    assert all(any(name.startswith(contract) for _, _, contract in FORBIDDEN) for name in CONTRACTS)
