"""From a task to the Spark job that did its work."""

from types import SimpleNamespace

import pytest

from kindred.runtime import file_names, runs, storage, tracking

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
