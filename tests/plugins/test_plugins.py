"""What Airflow's UI shows of a run: the links of its tasks, and the report behind a guard."""

import asyncio
import contextlib
import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi.routing import APIRoute

pytestmark = pytest.mark.airflow

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    """The files of the folder plugins/, loaded as Airflow does, by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
        loaded = {}
        for path in (ROOT / "plugins").glob("*.py"):
            specification = importlib.util.spec_from_file_location(f"{path.stem}_plugin", path)
            loaded[path.stem] = importlib.util.module_from_spec(specification)
            specification.loader.exec_module(loaded[path.stem])
        yield loaded


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


@pytest.mark.parametrize(
    ("path", "conf", "logged_in", "expected"),
    [
        ("/api/v2/dags/tests/dagRuns", {"treshold": 0.9}, True, (400, "unknown param 'treshold'; did you mean 'th")),
        ("/api/v2/dags/tests/dagRuns", {"threshold": float("nan")}, True, (400, "param 'threshold' must be number")),
        ("/api/v2/dags/tests/dagRuns", {"threshold": 0.9}, True, (200, "triggered")),
        ("/api/v2/dags/tests/dagRuns", {"x": "y" * 2**20}, True, (413, "over 1,048,576 bytes")),
        ("/api/v2/dags/tests/dagRuns", {"treshold": 0.9}, False, (200, "triggered")),  # the application refuses it
        ("/api/v2/dags/foreign/dagRuns", {"treshold": 0.9}, True, (200, "triggered")),
        ("/api/v2/dags/none/dagRuns", {"treshold": 0.9}, True, (200, "triggered")),
        ("/api/v2/dags/tests/dagRuns/one/clear", {"treshold": 0.9}, True, (200, "triggered")),
    ],
)
def test_a_run_with_an_unknown_param_is_refused_when_it_is_triggered(
    plugins, monkeypatch, path, conf, logged_in, expected
) -> None:
    from airflow.sdk import DAG, Param
    from fastapi import FastAPI, Request
    from fastapi.testclient import TestClient

    async def answer(scope) -> bool:
        return logged_in

    dag = DAG("tests", params={"threshold": Param(0.5, type="number")}, tags=["kindred"])
    bag = {"tests": dag, "foreign": DAG("foreign")}
    module, app = plugins["params"], FastAPI()
    monkeypatch.setattr(module, "_is_logged_in", answer)
    monkeypatch.setattr("airflow.utils.session.create_session", contextlib.nullcontext)
    app.state.dag_bag = SimpleNamespace(get_latest_version_of_dag=lambda dag_id, session: bag.get(dag_id))
    (middleware,) = module.Params.fastapi_root_middlewares
    app.add_middleware(middleware["middleware"])

    @app.post("/{rest:path}")
    async def trigger(rest: str, request: Request) -> dict:
        return {"detail": "triggered", "read": len(await request.body())}

    body = json.dumps({"conf": conf})
    done = TestClient(app).post(path, content=body)

    assert done.status_code == expected[0]
    assert done.json()["detail"].startswith(expected[1])
    assert done.json().get("read", len(body)) == len(body)


def test_who_is_not_logged_in_gets_nothing_of_the_form(plugins, monkeypatch) -> None:
    from fastapi import HTTPException

    async def get_user(request, oauth_token, bearer) -> None:
        raise HTTPException(401)

    monkeypatch.setattr("airflow.api_fastapi.core_api.security.get_user", get_user)
    scope = {"type": "http", "method": "POST", "path": "/api/v2/dags/tests/dagRuns", "headers": []}

    assert asyncio.run(plugins["params"]._is_logged_in(scope)) is False
