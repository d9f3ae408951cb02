"""The name of the run that a DAG run does."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from kindred.runtime import runs
from kindred_airflow import run_names

RUN_ID = "scheduled__2026-11-29T06:00:00+00:00"
DUE = datetime(2026, 11, 29, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("conf", "run_type", "due", "name"),
    [
        ({"run_name": "mine"}, "scheduled", DUE, "mine"),
        ({}, "scheduled", DUE, "2026-11-29T06-00"),
        (None, "scheduled", DUE, "2026-11-29T06-00"),
        ({"run_name": ""}, "manual", DUE, RUN_ID),
        ({}, "manual", None, RUN_ID),  # two of one minute are two runs
    ],
)
def test_a_scheduled_run_is_named_by_the_time_it_was_due(conf, run_type: str, due, name: str) -> None:
    dag_run = SimpleNamespace(conf=conf, run_type=run_type, logical_date=due, run_id=RUN_ID)

    assert run_names.of(dag_run) == name


def test_the_name_of_a_scheduled_run_is_that_of_its_folder() -> None:
    assert runs.slug("2026-11-29T06-00") == "2026-11-29T06-00"
