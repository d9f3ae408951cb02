"""What MLflow gets of a run and its stages."""

import pytest

from kindred.runtime import file_names, storage, tracking
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


def test_a_run_that_was_never_opened_is_named(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")

    with pytest.raises(InputError, match="is no run of MLflow's: its run.json names none"):
        tracking.page_of(storage.uri(str(tmp_path / "run")))


def test_runs_are_found_by_a_filter_and_a_filter_that_is_none_is_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    for name in ("one", "two"):
        run_id = tracking.start_run("self_training", name, {}, {"kindred.folder": f"file:///{name}", "dataset": name})
        tracking.client().set_terminated(run_id)

    assert tracking.find_folders("tags.dataset = 'two'") == ["file:///two"]
    with pytest.raises(InputError, match="MLflow does not understand the filter 'two'"):
        tracking.find_folders("two")
