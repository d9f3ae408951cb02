"""What a task of a served Airflow finds loaded."""

import importlib

import pytest

from cluster import compose
from kindred_airflow import machine

pytestmark = pytest.mark.airflow


def test_packages_are_loaded_before_the_workers_are_forked(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.executors import local_executor

    from kindred_airflow import executor

    done: list[str] = []
    monkeypatch.setattr(importlib, "import_module", done.append)
    monkeypatch.setattr(local_executor.LocalExecutor, "start", lambda self: done.append("forks"))

    executor.LocalExecutor().start()

    assert done == [*executor.PACKAGES, "forks"]


def test_no_module_of_kindred_is_loaded_that_may_change_while_airflow_is_served() -> None:
    from kindred_airflow import executor

    assert not [name for name in executor.PACKAGES if name.startswith("kindred")]


def test_one_machine_and_the_cluster_name_it() -> None:
    from kindred_airflow import executor

    name = f"{executor.__name__}.{executor.LocalExecutor.__name__}"

    assert machine.EXECUTOR == name
    assert f"AIRFLOW__CORE__EXECUTOR: {name}\n" in compose.text()
