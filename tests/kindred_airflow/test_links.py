"""From a task to the Spark job that did its work."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from kindred.runtime import file_names, mlflow_pages, runs, storage, tracking

pytestmark = pytest.mark.airflow


@pytest.fixture
def link():
    """The link of a Spark task, whose import takes seconds."""
    from kindred_airflow.links import SparkLink

    return SparkLink()


@pytest.fixture
def operator(data) -> SimpleNamespace:
    """The task of a stage that Spark did."""
    run = runs.run_folder("tests", "one")
    storage.put_json(storage.join(run, "ingest", file_names.MARK), {"application": "app-1"})
    storage.put_json(storage.join(run, "gate", file_names.MARK), {"application": None})
    return SimpleNamespace(run=run, stage="ingest")


def test_a_task_leads_to_its_job_in_the_history_server(link, operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINDRED_SPARK_HISTORY", "http://127.0.0.1:18080")

    assert link.get_link(operator, ti_key=None) == "http://127.0.0.1:18080/history/app-1"


@pytest.mark.parametrize("stage", ["gate", "report"])
def test_a_stage_without_spark_or_without_a_mark_leads_nowhere(link, operator, stage: str, monkeypatch) -> None:
    monkeypatch.setenv("KINDRED_SPARK_HISTORY", "http://127.0.0.1:18080")
    operator.stage = stage

    assert link.get_link(operator, ti_key=None) == ""


def test_without_a_history_server_there_is_no_link(link, operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KINDRED_SPARK_HISTORY", raising=False)

    assert link.get_link(operator, ti_key=None) == ""


def test_the_links_of_a_task_lead_to_its_run_in_mlflow(tmp_path, monkeypatch) -> None:
    from kindred_airflow.tasks import submit

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.setenv("KINDRED_MLFLOW_UI", "http://mlflow.example")
    run = storage.uri(str(tmp_path / "run"))
    mlflow_run = tracking.start_run("self_training", "r", {}, {})
    storage.put_json(storage.join(run, "run.json"), {"mlflow_run_id": mlflow_run})
    operator = submit("evaluate", run)

    links = {link.name: link.get_link(operator, ti_key=None) for link in operator.operator_extra_links}

    assert links["MLflow run"].startswith("http://mlflow.example/#/experiments/")
    assert links["MLflow run"].endswith(f"/runs/{mlflow_run}")
    assert links["Report"] == f"{links['MLflow run']}/artifacts/report.html"


LINKS = """
import sys
from types import SimpleNamespace

import airflow.sdk

before = set(sys.modules)
from kindred_airflow import links

operator = SimpleNamespace(run=sys.argv[1], stage="ingest")
for link in (links.MlflowLink(), links.ReportLink(), links.SparkLink()):
    print(link.get_link(operator, ti_key=None))
print(*sorted({name.split(".")[0] for name in set(sys.modules) - before}))
"""


def test_the_links_of_a_task_import_nothing_heavy(operator, tmp_path) -> None:
    """Airflow makes them after each task, also a skipped one, and ends a process that takes 20 s for it."""
    runs.put_record(operator.run, {"params": {}, "mlflow_run_id": "abc", "mlflow_experiment_id": "7"})
    paths = {"PYTHONPATH": os.pathsep.join(sys.path), "AIRFLOW_HOME": str(tmp_path)}
    env = {**os.environ, **paths, "KINDRED_SPARK_HISTORY": "http://history", "KINDRED_MLFLOW_UI": "http://mlflow"}

    command = [sys.executable, "-c", LINKS, operator.run]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)

    mlflow, report, spark, modules = done.stdout.splitlines()[-4:]
    assert mlflow == "http://mlflow/#/experiments/7/runs/abc"
    assert report == "http://mlflow/#/experiments/7/runs/abc/artifacts/report.html"
    assert spark == "http://history/history/app-1"
    assert not {"mlflow", "numpy", "pandas", "pyarrow", "pyspark", "boto3", "sqlalchemy"} & set(modules.split())


def test_a_run_of_before_leads_to_its_page_too(data, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000")
    run = runs.run_folder("tests", "before")
    storage.put_json(storage.join(run, "run.json"), {"mlflow_run_id": "abc"})

    assert mlflow_pages.page_of(run) == "http://127.0.0.1:5000/#/runs/abc"
