"""What Airflow's UI shows of a run: the links of its tasks, and the report behind a guard."""

import importlib.util
from pathlib import Path

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
