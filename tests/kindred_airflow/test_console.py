"""What the console of `make run` shows of a log."""

import pytest

from kindred_airflow.console import Console


def shown(capsys: pytest.CaptureFixture, *lines: str) -> list[str]:
    console = Console()
    for line in lines:
        console.show(f"{line}\n")
    return capsys.readouterr().out.splitlines()


def test_the_stages_are_shown_and_the_rest_is_not(capsys) -> None:
    lines = shown(
        capsys,
        "2026-01-01T00:00:00Z [info     ] [kindred] ingest: done in 1.0 s [airflow.task.hooks] loc=spark.py:1",
        "2026-01-01T00:00:00Z [info     ] [kindred] cell/random-500: started [kindred] loc=tasks.py:1",
        "26/01/01 00:00:00 WARN Utils: nothing for people",
    )

    assert lines == ["  ingest         done in 1.0 s", "  cell/random-500 started"]


def test_a_failure_is_shown_once_something_follows_it(capsys) -> None:
    failed = "[kindred] gate failed: ValueError: no"

    assert shown(capsys, failed) == []
    assert shown(capsys, failed, "[kindred] gate: started") == [
        "  gate           failed: ValueError: no",
        "  gate           started",
    ]


def test_progress_is_shown_now_and_then_where_the_console_is_a_file(capsys) -> None:
    lines = shown(capsys, *(f"[kindred] featurize: ... {count} of 900 images" for count in (100, 200, 300)))

    assert lines == ["  featurize      ... 100 of 900 images"]


def test_the_last_error_of_airflow_is_kept(capsys) -> None:
    console = Console()

    for line in ("ValueError: first", "airflow.sdk.exceptions.ParamValidationError: Invalid input for param folds"):
        console.show(line)

    assert console.error == "Invalid input for param folds"
