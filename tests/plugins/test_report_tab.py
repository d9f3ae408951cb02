"""The tab Report of a DAG run: the report, or a page that says how far the run is or why it failed."""

import importlib.util
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from chromium import PROGRAM, Page
from kindred.runtime import file_names, outcomes, runs, storage
from kindred.runtime.outcomes import Outcome

pytestmark = pytest.mark.airflow

STAGES = ("open_run", "ingest", "featurize", "report", "close_run")


class Session:
    """What Airflow's database answers: the DAG run, the title of its DAG, the folders that its tasks have returned."""

    def __init__(self, run: Any, xcoms: list[Any]) -> None:
        self.run, self.xcoms = run, xcoms

    def scalar(self, query: Any) -> Any:
        return self.run

    def scalars(self, query: Any) -> list[Any]:
        return self.xcoms

    def get(self, model: Any, dag_id: str) -> Any:
        return SimpleNamespace(dag_display_name="1. Train <a> classifier")


def task(name: str, state: str | None, weight: int, map_index: int = -1) -> SimpleNamespace:
    """A task instance; one that has begun did so a minute ago, and one that has ended took 30 s."""
    begun = datetime.now(UTC) - timedelta(minutes=1) if state else None
    ended = {"success": timedelta(seconds=30), "failed": timedelta(seconds=30), "upstream_failed": timedelta()}.get(
        state
    )
    return SimpleNamespace(
        **{"task_id": name, "state": state, "map_index": map_index, "priority_weight": weight},
        **{"start_date": begun, "end_date": begun + ended if begun and ended is not None else None, "try_number": 1},
    )


def dag_run(state: str, states: dict[str, str | None], name: str | None = "first") -> SimpleNamespace:
    tasks = [task(name, state, -number) for number, (name, state) in enumerate(states.items())]
    rows = list(reversed(tasks))  # in no order of the work
    conf = {"run_name": name} if name else None
    names = {"run_id": "manual__1", "run_type": "manual", "logical_date": None}
    return SimpleNamespace(state=state, conf=conf, get_task_instances=lambda session: rows, **names)


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "airflow"))
    monkeypatch.setenv("KINDRED_DATA", str(tmp_path / "data"))
    path = Path(__file__).parents[2] / "plugins" / "report.py"
    specification = importlib.util.spec_from_file_location("report_tab", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def folder(plugin) -> str:
    return runs.run_folder("self_training", "first")


@pytest.fixture
def get(plugin) -> Callable[..., Any]:
    """The answer to a request of somebody who may see the run."""
    from airflow.api_fastapi.common.db.common import _get_session
    from fastapi.testclient import TestClient

    app = plugin.application()

    def answer(run: Any, address: str = "/report/self_training/manual__1", opened: dict[Any, str] | None = None) -> Any:
        xcoms = [
            SimpleNamespace(task_id=f"{group}.open_run".lstrip("."), map_index=index, value=folder)
            for (group, index), folder in (opened or {("", -1): runs.run_folder("self_training", "first")}).items()
        ]
        app.dependency_overrides[_get_session] = lambda: Session(run, xcoms)
        for guard in app.router.dependencies:
            app.dependency_overrides[guard.dependency] = lambda: None
        return TestClient(app).get(address)

    return answer


@pytest.fixture
def seen(tmp_path: Path) -> Iterator[Callable[[Any], Page]]:
    """Opens an answer in Chromium."""
    if PROGRAM is None:
        pytest.skip("no Chromium here")
    page = Page(tmp_path / "profile")

    def open_page(answer: Any) -> Page:
        (tmp_path / "page.html").write_bytes(answer.content)
        page.open(tmp_path / "page.html")
        return page

    yield open_page
    page.close()


def test_a_run_at_work_shows_its_steps_in_their_order_and_looks_again(get, seen, folder) -> None:
    outcomes.put(folder, "ingest", Outcome(outcomes.DONE, "1,797 <images>"))
    states = dict(zip(STAGES, ("success", "success", "running", None, None), strict=True))

    answer = get(dag_run("running", states))

    page = seen(answer)
    rows = page.evaluate("[...document.querySelectorAll('tbody tr')].map(r => [...r.cells].map(c => c.innerText))")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert page.evaluate("document.querySelector('.headline').innerText") == (
        "2 of 5 steps have ended; at work: featurize."
    )
    assert [row[:2] for row in rows] == [
        ["open_run", "done"],
        ["ingest", "done"],
        ["featurize", "running"],
        ["report", "to come"],
        ["close_run", "to come"],
    ]
    assert rows[1][2:] == ["30.0", "1,797 <images>"]
    assert rows[3][2:] == ["", ""]
    assert "1. Train <a> classifier" in page.evaluate("document.querySelector('.facts').innerText")
    assert page.evaluate("document.querySelector('meta[http-equiv=refresh]').content") == "5"
    assert page.errors == []


def test_a_failed_run_says_which_stage_failed_why_and_what_to_do(get, seen, folder) -> None:
    outcomes.put(folder, "ingest", Outcome(outcomes.FAILED, "no such file or folder: /a"))
    states = dict(zip(STAGES, ("success", "failed", "upstream_failed", "upstream_failed", "failed"), strict=True))

    page = seen(get(dag_run("failed", states)))

    text = page.evaluate("document.body.innerText")
    assert "The run failed at ingest: no such file or folder: /a\n" in text
    assert "trigger the pipeline again with first as “Name of this run”" in text
    assert page.evaluate("document.querySelectorAll('tbody tr')[2].innerText.trim()") == "featurize\tnot reached"
    assert "more failed" not in text  # close_run fails with the first
    assert page.evaluate("document.querySelector('meta[http-equiv=refresh]')") is None
    assert page.evaluate("getComputedStyle(document.querySelector('.failed td')).fontWeight") == "600"
    assert page.errors == []


def test_a_step_that_is_no_stage_says_by_its_log_why_it_failed(get, monkeypatch) -> None:
    lines = ["started", "[kindred] open_run failed: param 'folds' must be integer", "Task failed"]
    monkeypatch.setattr(
        "airflow.utils.log.log_reader.TaskLogReader.read_log_chunks",
        lambda reader, task, number, metadata: ([SimpleNamespace(event=line) for line in lines], {}),
    )
    states = dict(zip(STAGES, ("failed", *["upstream_failed"] * 3, "failed"), strict=True))

    answer = get(dag_run("failed", states))

    assert "The run failed at open_run: param &#39;folds&#39; must be integer" in answer.text


def test_an_outcome_of_an_earlier_try_is_not_shown(get, folder) -> None:
    storage.put_json(
        storage.join(folder, "featurize", file_names.OUTCOME),
        Outcome(outcomes.FAILED, "of yesterday", ended=datetime.now(UTC).timestamp() - 86_400)._asdict(),
    )
    states = dict(zip(STAGES, ("success", "success", "running", None, None), strict=True))

    assert "of yesterday" not in get(dag_run("running", states)).text


def test_a_run_that_ended_well_is_its_report_and_one_at_work_links_an_earlier_one(get, folder) -> None:
    storage.put_bytes(storage.join(folder, file_names.REPORT), b"<h1>the report</h1>")

    ended = get(dag_run("success", dict.fromkeys(STAGES, "success")))
    at_work = get(dag_run("running", dict.fromkeys(STAGES)))
    earlier = get(dag_run("running", dict.fromkeys(STAGES)), "/report/self_training/manual__1?part=")

    assert ended.text == earlier.text == "<h1>the report</h1>"
    assert '<a href="?part=">The report of an earlier run of this name</a>' in at_work.text
    assert "The run is waiting: Airflow starts it as soon as there is room." in at_work.text


def test_a_scheduled_run_is_found_by_the_time_it_was_due(get) -> None:
    folder = runs.run_folder("retrain_digits", "2026-11-29T06-00")
    storage.put_bytes(f"{folder}/report.html", b"<h1>of six</h1>")
    run = dag_run("success", dict.fromkeys(STAGES, "success"), name=None)
    run.run_type, run.logical_date = "scheduled", datetime(2026, 11, 29, 6, tzinfo=UTC)

    assert get(run, "/report/retrain_digits/scheduled__2026-11-29T06:00:00").text == "<h1>of six</h1>"


def test_a_pipeline_of_several_runs_links_the_report_of_each(get) -> None:
    main = runs.run_folder("stl10_study", "first")
    opened = {("ours", -1): f"{main}-ours", ("reproduced", -1): f"{main}-reproduced"}
    for place in opened.values():
        storage.put_bytes(storage.join(place, file_names.REPORT), place.encode())
    run = dag_run("success", {f"{part}.{name}": "success" for part in ("reproduced", "ours") for name in STAGES})

    page = get(run, "/report/stl10_study/manual__1", opened)
    part = get(run, "/report/stl10_study/manual__1?part=ours", opened)
    elsewhere = get(run, "/report/stl10_study/manual__1?part=../other", opened)

    assert "This pipeline makes no report of its own." in page.text
    assert [name for name in ("ours", "reproduced") if f'href="?part={name}"' in page.text] == ["ours", "reproduced"]
    assert part.text == f"{main}-ours"
    assert (elsewhere.status_code, "has no report" in elsewhere.text) == (404, True)


def test_a_pipeline_without_a_report_shows_its_figures(get) -> None:
    folder = runs.run_folder("predict", "first")
    storage.put_bytes(storage.join(folder, file_names.SUMMARY), b"images 20")

    answer = get(dag_run("success", dict.fromkeys(("open_run", "predict"), "success")), "/report/predict/x")

    assert "This pipeline makes no report of its own." in answer.text
    assert "<pre>images 20</pre>" in answer.text


def test_copies_of_a_mapped_task_are_one_row_and_name_the_copy_that_failed(get) -> None:
    folder = runs.run_folder("label_propagation", "first")
    outcomes.put(folder, "cell/random-500", Outcome(outcomes.FAILED, "labels is 500; only 30 images"))
    tasks = [task("cell", state, 1, index) for index, state in enumerate(("success", "failed", "success"))]
    run = dag_run("failed", {})
    run.get_task_instances = lambda session: tasks

    answer = get(run, "/report/label_propagation/x", {("", -1): folder})

    assert "The run failed at cell: cell/random-500: labels is 500; only 30 images" in answer.text
    assert "failed, 2 of 3 ended" in answer.text


def test_an_unknown_run_and_a_missing_login_are_pages(get, plugin, seen) -> None:
    from fastapi.testclient import TestClient

    unknown = get(None, "/report/self_training/none")
    plugin.application().dependency_overrides.clear()
    stranger = TestClient(plugin.application()).get("/report/self_training/none")

    assert (unknown.status_code, stranger.status_code) == (404, 401)
    assert "You are not logged in to Airflow" in stranger.text
    page = seen(unknown)
    assert "knows no run 'none' of the DAG 'self_training'" in page.evaluate("document.body.innerText")
    assert page.errors == []
