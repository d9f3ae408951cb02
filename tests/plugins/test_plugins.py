"""What Airflow's UI shows of a run: the links of its tasks, and the report behind a guard."""

import importlib.util
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from kindred.runtime import file_names, storage

pytestmark = pytest.mark.airflow

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    """The files of the folder plugins/, loaded as Airflow does, by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
        found = {}
        for path in (ROOT / "plugins").glob("*.py"):
            specification = importlib.util.spec_from_file_location(f"{path.stem}_plugin", path)
            found[path.stem] = importlib.util.module_from_spec(specification)
            specification.loader.exec_module(found[path.stem])
        yield found


@pytest.fixture
def plugin(plugins):
    return plugins["report"]


def test_the_search_is_in_the_navigation(plugins) -> None:
    (view,) = plugins["search"].Search.external_views

    assert view["destination"] == "nav"
    assert view["href"] == f"{plugins['search'].Search.fastapi_apps[0]['url_prefix']}/"


def test_every_route_of_the_search_is_guarded(plugins) -> None:
    app = plugins["search"].application()
    routes = [route for route in app.routes if isinstance(route, APIRoute)]

    assert len(routes) > 10
    assert len(routes) == len(app.routes)
    for route in routes:
        guards = [d.call.__qualname__.split(".")[0] for d in route.dependant.dependencies]
        assert "requires_access_view" in guards, route.path


def test_the_report_is_a_tab_of_the_dag_run(plugin) -> None:
    (view,) = plugin.Report.external_views

    assert view["destination"] == "dag_run"
    assert view["href"] == f"{plugin.Report.fastapi_apps[0]['url_prefix']}/report/{{DAG_ID}}/{{RUN_ID}}"


def test_every_page_is_guarded_and_nothing_but_the_report_is_served(plugin) -> None:
    app = plugin.application()

    assert [route.path for route in app.routes] == ["/report/{dag_id}/{run_id:path}"]
    guards = {d.dependency.__qualname__.split(".")[0] for d in app.router.dependencies}
    assert guards == {"requires_access_view", "requires_access_dag"}


def test_the_links_of_a_task_lead_to_its_run_in_mlflow(tmp_path, monkeypatch) -> None:
    from kindred.runtime import tracking
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


def test_what_has_a_course_is_logged_step_by_step_and_the_page_on_the_run_itself(tmp_path, monkeypatch) -> None:
    from kindred.runtime import tracking

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.setenv("KINDRED_ARTIFACTS", storage.uri(str(tmp_path / "artifacts")))
    run = storage.uri(str(tmp_path / "run"))
    parent = tracking.start_run("self_training", "r", {}, {})
    storage.put_json(storage.join(run, "run.json"), {"mlflow_run_id": parent})
    folder = storage.join(run, "report", "1")
    storage.put_bytes(storage.join(folder, "report.html"), b"page")
    said = {"facts": {"page": "report.html"}, "steps": {"curve": [[10, 0.5], [20, 0.7]]}}
    mark = {"attempt": "1", "folder": folder, "figures": {"report/reused": 0}, "arguments": {}, "reports": []}
    storage.put_json(storage.join(run, "report", file_names.MARK), {**mark, **said})

    tracking.log_stage(run, "report", 0)

    client = tracking.client()
    (child,) = client.search_runs([client.get_run(parent).info.experiment_id], "tags.`mlflow.parentRunId` != ''")
    assert [(m.step, m.value) for m in client.get_metric_history(child.info.run_id, "curve")] == [(10, 0.5), (20, 0.7)]
    assert [file.path for file in client.list_artifacts(parent)] == ["report.html"]


def test_the_promoted_model_is_registered_once_and_has_the_alias(tmp_path, monkeypatch) -> None:
    import mlflow

    from kindred.runtime import model_registry, tracking
    from kindred.runtime.errors import InputError

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.setenv("KINDRED_ARTIFACTS", storage.uri(str(tmp_path / "artifacts")))
    folders = []
    for name in ("one", "two", "without"):
        folders.append(storage.uri(str(tmp_path / name)))
        parent = tracking.start_run("self_training", name, {}, {})
        storage.put_json(storage.join(folders[-1], "run.json"), {"mlflow_run_id": parent})
        if name != "without":
            experiment = tracking.client().get_run(parent).info.experiment_id
            mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
            mlflow.initialize_logged_model("model", source_run_id=parent, experiment_id=experiment)
            mlflow.finalize_logged_model(
                tracking.client().search_logged_models([experiment], f"source_run_id = '{parent}'")[0].model_id, "READY"
            )

    promoted = [model_registry.promote(folders[number]) for number in (0, 1, 0)]

    client = tracking.client()
    assert promoted == [("1", None), ("2", "1"), ("1", "2")]
    assert str(client.get_model_version_by_alias(model_registry.MODEL, model_registry.CHAMPION).version) == "1"
    with pytest.raises(InputError, match="the run 'without' has no model in MLflow"):
        model_registry.promote(folders[2])
    storage.put_json(storage.join(folders[2], "run.json"), {"mlflow_run_id": "0" * 32})
    with pytest.raises(InputError, match="has no run of .*without; promote it where it was made"):
        model_registry.promote(folders[2])
    model_registry.set_champion(None)
    assert client.get_registered_model(model_registry.MODEL).aliases == {}
