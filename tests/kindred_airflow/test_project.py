"""The commands of projects: what they write, what they print, what they refuse."""

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kindred.runtime import file_names, projects, run_state, runs, storage
from kindred.runtime.errors import InputError
from kindred_airflow import list_projects, machine, params, project, retrain, run

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
VARIABLES = ("NAME", "PROJECT", "SCHEDULE", "TIME_ZONE", "CONF", "DELETE", "RUN_ID", "DAG")


@pytest.fixture(autouse=True)
def checked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict]]:
    """The values that were checked by a form, and by which; without Airflow."""
    found: list[tuple[str, dict]] = []
    monkeypatch.setattr(params, "check_before_start", lambda dag_id, conf, env: found.append((dag_id, conf)))
    monkeypatch.setattr(machine, "environment", lambda database: {})
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return found


def make(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, values.get(name, ""))  # make exports empty texts
    project.main()


def test_a_project_is_written_when_the_form_of_self_training_takes_its_values(monkeypatch, capsys, checked) -> None:
    make(monkeypatch, NAME="digits", SCHEDULE="0 6 * * 1", TIME_ZONE="Europe/Berlin", CONF='{"seed": 1}')

    assert checked == [("self_training", {"seed": 1})]
    assert projects.get("digits")[:3] == ({"seed": 1}, "0 6 * * 1", "Europe/Berlin")
    first, second = capsys.readouterr().out.splitlines()
    assert first == "  new project 'digits'"
    assert "06:00 (Europe/Berlin), while Airflow serves" in second
    assert "make retrain PROJECT=digits" in second


def test_nothing_is_written_of_values_that_the_form_refuses(monkeypatch, data: Path) -> None:
    def refuse(*_: object) -> None:
        raise InputError("unknown param 'flods'; did you mean 'folds'?")

    monkeypatch.setattr(params, "check_before_start", refuse)

    for values in ({"CONF": '{"flods": 3}'}, {"SCHEDULE": "x"}, {"TIME_ZONE": "x"}, {"CONF": "{"}, {"NAME": "../x"}):
        with pytest.raises(InputError):
            make(monkeypatch, **{"NAME": "digits", **values})

    assert not data.exists()


def test_a_project_without_a_name_is_refused_with_the_command(monkeypatch) -> None:
    with pytest.raises(InputError, match="make project NAME=name SCHEDULE=@weekly .*; known: none"):
        make(monkeypatch)


def test_a_deleted_project_keeps_its_runs(monkeypatch, capsys) -> None:
    make(monkeypatch, NAME="digits")
    runs.put_record(runs.run_folder("retrain_digits", "first"), {"params": {}})

    make(monkeypatch, NAME="digits", DELETE="1")

    assert "its 1 runs stay: make runs DAG=retrain_digits" in capsys.readouterr().out
    assert projects.names() == []
    assert runs.known_runs("retrain_digits") == ["first"]


def test_the_list_has_the_next_time_and_how_good_the_last_run_is(monkeypatch) -> None:
    projects.put("weekly", {}, "@weekly", "Asia/Tokyo", NOON)
    projects.put("by_hand", {}, None, "UTC", NOON)
    storage.put_bytes(projects.path("broken"), b"{")
    storage.put_json(storage.join(storage.data_root(), "projects", "my notes.json"), {})
    for name, opened, accuracy in (("2026-11-22T15-00", 1000.0, 0.8), ("2026-11-15T15-00", 2000.0, 0.9)):
        folder = runs.run_folder("retrain_weekly", name)
        runs.put_record(folder, {"params": {}, "opened": run_state.stamp(opened)})
        storage.put_json(storage.join(folder, file_names.METRICS), {"final/test/accuracy": accuracy})

    header, by_hand, weekly, broken, other = list_projects.lines(NOON)

    opened = time.strftime("%Y-%m-%d %H:%M", time.localtime(2000)).split()
    assert header.split() == ["project", "schedule", "next", "last", "run", "opened", "state", "accuracy"]
    assert by_hand.split() == ["by_hand", "none", "-", "-", "-", "-", "-"]
    assert weekly.split() == (
        ["weekly", "@weekly", "2026-12-06", "00:00", "Asia/Tokyo", "2026-11-15T15-00", *opened, "finished", "0.9000"]
    )
    assert "broken.json cannot be read" in broken
    assert other == "'my notes.json' is no project: its name is not that of one"


def test_without_projects_the_list_says_how_to_make_one() -> None:
    (line,) = list_projects.lines(NOON)

    assert line.endswith("`make project NAME=name SCHEDULE=@weekly` makes one")


def test_make_retrain_is_make_run_of_the_projects_dag(monkeypatch) -> None:
    started = []
    monkeypatch.setattr(run, "run", lambda dag_id, conf, name: started.append((dag_id, conf, name)) or ("", 1))
    monkeypatch.setenv("DAG", "predict")

    with pytest.raises(InputError, match="make retrain PROJECT=name; known: none yet"):
        retrain.main()
    monkeypatch.setenv("PROJECT", "digits")
    monkeypatch.setenv("RUN_ID", "again")
    retrain.main()

    assert started == [("retrain_digits", {}, "again")]


def test_a_run_of_a_project_that_there_is_not_is_refused() -> None:
    with pytest.raises(InputError, match="no project 'birds'; there is none yet"):
        run.run("retrain_birds", {})
