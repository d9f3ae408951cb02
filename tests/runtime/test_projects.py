"""Projects: what is kept of them, and what is refused."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kindred.runtime import projects, storage
from kindred.runtime.errors import InputError

NOON, LATER = datetime(2026, 11, 29, 12, tzinfo=UTC), datetime(2026, 11, 30, tzinfo=UTC)


def put(name: str = "digits", schedule: str | None = "@weekly", zone: str = "UTC", now=NOON, **params) -> list[str]:
    return projects.put(name, params, schedule, zone, now)


def test_a_project_is_read_as_it_was_written(data: Path) -> None:
    assert put(seed=1) == ["new project 'digits'"]

    assert projects.get("digits") == projects.Project({"seed": 1}, "@weekly", "UTC", NOON)
    assert projects.names() == ["digits"]
    assert [path.name for path in (data / "projects").iterdir()] == ["digits.json"]


def test_a_second_project_of_a_name_replaces_the_first_and_says_what_changed() -> None:
    put(seed=1, folds=3)

    assert put(schedule=None, zone="Europe/Berlin", seed=2) == [
        'schedule "@weekly" -> "none"',
        'time_zone "UTC" -> "Europe/Berlin"',
        "folds 3 -> (default)",
        "seed 1 -> 2",
    ]
    assert put(schedule=None, zone="Europe/Berlin", seed=2) == ["nothing changed"]
    assert projects.get("digits").params == {"seed": 2}


def test_a_schedule_counts_from_when_it_was_set_so_that_a_changed_one_is_not_due_at_once() -> None:
    put()
    put(now=LATER, seed=1)
    same = projects.get("digits").since
    put("digits", "@daily", now=LATER)

    assert (same, projects.get("digits").since) == (NOON, LATER)


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "-x", "a b", "a.b", "ä", "x" * 61, "a\n"])
def test_a_name_that_is_no_plain_word_is_refused_and_nothing_is_written(name: str, data: Path) -> None:
    for use in (put, projects.get, projects.delete, projects.dag_id):
        with pytest.raises(InputError, match="a project cannot be named"):
            use(name)

    assert not data.exists()


def test_a_project_cannot_name_its_runs() -> None:
    with pytest.raises(InputError, match="leave out 'run_name'"):
        put(run_name="always")

    put(run_name=None, seed=1)  # as the form gives it

    assert projects.get("digits").params == {"seed": 1}


def test_paths_are_kept_whole_for_scheduled_runs_begin_in_another_folder() -> None:
    put(path="photos", weights="net.onnx")
    local = projects.get("digits").params
    put(path="s3://bucket/photos", weights="imagenet")

    assert local == {"path": str(Path("photos").absolute()), "weights": str(Path("net.onnx").absolute())}
    assert projects.get("digits").params == {"path": "s3://bucket/photos", "weights": "imagenet"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b'{"params": ', "cut or no JSON"),
        (b"[]", "no JSON object"),
        (b"{}", "it lacks params, schedule or time_zone"),
        (b'{"params": {}, "schedule": 5, "time_zone": "UTC"}', "it lacks params"),
        (b'{"params": {}, "schedule": null, "time_zone": "UTC"}', "since when"),
        (b'{"params": {}, "schedule": null, "time_zone": "UTC", "keep": 3}', "unknown field 'keep'"),
        (b'{"params": {}, "schedule": "x", "time_zone": "UTC", "since": "2026-11-29T12:00:00Z"}', "no cron expression"),
        (b'{"params": {}, "schedule": null, "time_zone": "X", "since": "2026-11-29T12:00:00Z"}', "unknown time zone"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_and_replaced(content: bytes, reason: str, data: Path) -> None:
    storage.put_bytes(projects.path("digits"), content)

    with pytest.raises(InputError, match=reason) as error:
        projects.get("digits")

    assert str(data / "projects/digits.json") in str(error.value)
    assert put()[0].startswith("replaces a file that could not be used")
    assert projects.get("digits").schedule == "@weekly"


def test_a_project_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(InputError, match="there is none yet"):
        projects.get("birds")
    put()
    with pytest.raises(InputError, match="known: digits"):
        projects.delete("birds")

    projects.delete("digits")

    assert projects.names() == []


def test_other_files_beside_the_projects_are_told_apart(data: Path) -> None:
    put()
    (data / "projects/my notes.json").write_text(json.dumps({}))

    assert projects.names() == ["digits"]
    assert projects.others() == ["my notes.json"]
