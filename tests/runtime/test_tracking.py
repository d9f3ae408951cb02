"""What MLflow gets of a run and its stages."""

import pytest

from kindred.runtime import file_names, mlflow_pages, runs, storage, tracking
from kindred.runtime.errors import InputError

pytestmark = pytest.mark.slow


def test_a_curve_is_logged_step_by_step_and_the_page_on_the_run_itself(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.setenv("KINDRED_ARTIFACTS", storage.uri(str(tmp_path / "artifacts")))
    run = storage.uri(str(tmp_path / "run"))
    parent = tracking.start_run("self_training", "r", {}, {})
    storage.put_json(storage.join(run, "run.json"), {"mlflow_run_id": parent})
    folder = storage.join(run, "report", "1")
    storage.put_bytes(storage.join(folder, "report.html"), b"page")
    logged = {"facts": {"page": "report.html"}, "steps": {"curve": [[10, 0.5], [20, 0.7]]}}
    mark = {"attempt": "1", "folder": folder, "figures": {"report/reused": 0}, "arguments": {}, "reports": []}
    storage.put_json(storage.join(run, "report", file_names.MARK), {**mark, **logged})

    tracking.log_stage(run, "report", 0)

    client = tracking.client()
    (child,) = client.search_runs([client.get_run(parent).info.experiment_id], "tags.`mlflow.parentRunId` != ''")
    assert [(m.step, m.value) for m in client.get_metric_history(child.info.run_id, "curve")] == [(10, 0.5), (20, 0.7)]
    assert [file.path for file in client.list_artifacts(parent)] == ["report.html"]


def test_the_runs_of_a_dag_have_a_page_and_a_stage_has_the_user_and_the_end_the_result(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    run = storage.uri(str(tmp_path / "run"))
    assert mlflow_pages.runs_of("self_training") == f"http://127.0.0.1:5000/#/experiments{mlflow_pages.TRAINING}"
    parent = tracking.start_run("self_training", "r", {}, {"mlflow.user": "ada", "mlflow.source.name": "dags/a.py"})
    storage.put_json(storage.join(run, "run.json"), {"mlflow_run_id": parent})
    tracking.log_failure(run, "ingest", "no images", 0)
    tracking.end_run(run, {}, {}, "FAILED", {"mlflow.note.content": "no result"})

    client = tracking.client()
    experiment = client.get_experiment(client.get_run(parent).info.experiment_id)
    (child,) = client.search_runs([experiment.experiment_id], "tags.`mlflow.parentRunId` != ''")
    assert mlflow_pages.runs_of("self_training").endswith(
        f"/#/experiments/{experiment.experiment_id}/runs{mlflow_pages.TRAINING}"
    )
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    assert (child.data.tags["mlflow.user"], child.data.tags["mlflow.source.name"]) == ("ada", "dags/a.py")
    assert client.get_run(parent).data.tags["mlflow.note.content"] == "no result"


def test_a_run_that_was_never_opened_is_named(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")

    with pytest.raises(InputError, match="has no MLflow run: its run.json names none"):
        mlflow_pages.page_of(storage.uri(str(tmp_path / "run")))


def test_runs_are_found_by_a_filter_and_a_filter_that_is_none_is_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    for name in ("one", "two"):
        run_id = tracking.start_run("self_training", name, {}, {"kindred.folder": f"file:///{name}", "dataset": name})
        tracking.client().set_terminated(run_id)

    assert tracking.find_folders("tags.dataset = 'two'") == ["file:///two"]
    with pytest.raises(InputError, match="MLflow does not understand the filter 'two'"):
        tracking.find_folders("two")


def test_a_run_is_started_once_by_all_tries_of_an_airflow_run(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    tags = {"kindred.folder": "file:///one", "kindred.airflow_run": "manual__2026-01-01T10:00:00+00:00"}

    first, second = (tracking.start_run("self_training", "r", {"folds": 5}, tags) for _ in range(2))
    part = tracking.start_run("self_training", "r", {}, {**tags, "kindred.folder": "file:///one-part"})
    tracking.replace_run(first, part)
    after = tracking.start_run("self_training", "r", {}, tags)

    assert first == second
    assert len({first, part, after}) == 3
    run = tracking.client().get_run(first)
    assert (run.info.status, run.data.tags["kindred.replaced_by"]) == ("KILLED", part)
    with pytest.raises(InputError, match="has no run 'none'"):
        tracking.resume_run("none")


def test_a_filter_finds_runs_where_they_are_now_and_none_that_was_replaced(tmp_path, monkeypatch, data) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    ids = {}
    for name, folder in (("moved", "file:///old/runs/self_training/moved"), ("replaced", runs.run_folder("t", "one"))):
        ids[name] = tracking.start_run("self_training", name, {}, {"kindred.folder": folder})
        tracking.client().set_terminated(ids[name])
    moved = runs.run_folder("self_training", "moved")
    runs.put_record(moved, {"params": {}, "mlflow_run_id": ids["moved"]})
    runs.put_record(runs.run_folder("t", "one"), {"params": {}, "mlflow_run_id": "another"})

    assert tracking.find_folders("attributes.run_name != ''") == [moved]
