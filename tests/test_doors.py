"""Who may import whom."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = sorted((ROOT / "include/kindred").rglob("*.py"))
BRIDGE = sorted((ROOT / "include/kindred_airflow").rglob("*.py"))
DAGS = sorted((ROOT / "dags").glob("*.py"))
JOBS = sorted((ROOT / "spark_jobs").glob("*.py"))
HEAVY = {"keras", "mlflow", "numpy", "pandas", "pyspark", "tensorflow"}
# The doors of the plan, by the files they belong to.
FSSPEC_ONLY = ("runs.py", "variants.py", "schemas.py", "errors.py")
LIGHT = (
    *("arrow.py", "calibration.py", "clusters.py", "distances.py", "featurize.py", "gate.py", "graphs.py", "images.py"),
    *("ledger.py", "metrics.py", "neighbours.py", "networks.py", "pseudo.py", "search.py", "serving.py"),
    *(
        "attacks.py",
        "black_box.py",
        "fooling.py",
        "gallery.py",
        "propagation.py",
        "retrieval.py",
        "scan.py",
        "screens.py",
    ),
    *("screens.py", "shards.py", "sheets.py", "simba.py", "square.py"),
    *("ask.py", "bundle.py", "pictures.py", "search_page/app.py", "served.py"),
)
MLFLOW = ("tracking.py", "serving.py")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imported(path: Path, everywhere: bool = True) -> set[str]:
    """The packages that a file imports: everywhere in it, or only when it is loaded itself."""
    nodes, found = [ast.parse(path.read_text())], set()
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
        if everywhere or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            nodes += ast.iter_child_nodes(node)
    return found


def loaded(code: str, place: Path) -> set[str]:
    """The packages that are there after `code` ran in a Python of its own."""
    code += "\nimport sys\nprint('loaded:', *{name.split('.')[0] for name in sys.modules})"
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "include"),
        "AIRFLOW_HOME": str(place),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    done = subprocess.run([sys.executable, "-c", code], env=env, cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split("loaded: ")[1].split())


def test_imports_are_found_wherever_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "example.py"
    path.write_text("import a.b\nfrom c.d import e\nif 1:\n    import f\ndef g():\n    import h\n    from i import j\n")

    assert imported(path) == {"a", "c", "f", "h", "i"}
    assert imported(path, everywhere=False) == {"a", "c", "f"}


@pytest.mark.parametrize("path", [*DAGS, *BRIDGE], ids=name_of)
def test_what_airflow_parses_imports_nothing_heavy(path: Path) -> None:
    assert not imported(path, everywhere=False) & HEAVY


@pytest.mark.parametrize("path", CORE, ids=name_of)
def test_the_core_never_imports_airflow(path: Path) -> None:
    assert not imported(path) & {"airflow", "kindred_airflow"}


@pytest.mark.parametrize("path", JOBS, ids=name_of)
def test_a_job_imports_neither_airflow_nor_another_job(path: Path) -> None:
    assert not imported(path) & {"airflow", "kindred_airflow", "spark_jobs", *(job.stem for job in JOBS)}


@pytest.mark.parametrize("name", FSSPEC_ONLY)
def test_what_everything_stands_on_needs_fsspec_at_most(name: str) -> None:
    found = imported(ROOT / "include/kindred" / name)

    assert found <= {*sys.stdlib_module_names, "fsspec", "kindred"}


@pytest.mark.parametrize("path", [*CORE, *JOBS, *DAGS, *BRIDGE], ids=name_of)
def test_only_tracking_and_the_served_model_know_mlflow(path: Path) -> None:
    assert "mlflow" not in imported(path) or path.name in MLFLOW


@pytest.mark.parametrize("name", LIGHT)
def test_what_serves_and_searches_loads_neither_spark_nor_tensorflow(name: str) -> None:
    assert not imported(ROOT / "include/kindred" / name, everywhere=False) & {"pyspark", "tensorflow", "keras"}


def test_what_serves_and_searches_gets_neither_by_way_of_another(tmp_path: Path) -> None:
    names = ["kindred." + name.removesuffix(".py").replace("/", ".") for name in LIGHT if name not in MLFLOW]

    found = loaded(f"import {', '.join(names)}", tmp_path)

    assert not found & {"pyspark", "tensorflow", "keras", "mlflow", "airflow"}


def test_what_dags_need_of_the_core_gets_nothing_heavy_by_way_of_another(tmp_path: Path) -> None:
    found = loaded("from kindred import errors, jvm, opening, results, runs, schemas, tracking, variants", tmp_path)

    assert not found & HEAVY
