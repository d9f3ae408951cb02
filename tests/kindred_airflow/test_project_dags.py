"""The DAG files that are made of the projects."""

import ast
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

import stores
from kindred.runtime import caches, projects, storage
from kindred.runtime.errors import InputError
from kindred_airflow import machine, project_dags

NOW = datetime(2026, 11, 29, tzinfo=UTC)


def put(*names: str, **params: object) -> None:
    for name in names:
        projects.put(name, params, "@weekly", "UTC", NOW)


def times() -> dict[str, int]:
    return {path.stem: path.stat().st_ino for path in project_dags.folder().iterdir()}


def test_each_project_has_a_file_and_only_one_that_changed_is_written_again() -> None:
    put("a", "b", "c")
    project_dags.refresh()
    before = times()
    put("b", seed=1)
    projects.delete("c")

    project_dags.refresh()

    after = times()
    assert sorted(before) == ["a", "b", "c"]
    assert sorted(after) == ["a", "b"]
    assert (before["a"] == after["a"], before["b"] == after["b"]) == (True, False)


def test_the_files_lie_in_the_cache_whose_pruning_leaves_them(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("KINDRED_CACHE", str(tmp_path / "elsewhere"))
    put("a")

    project_dags.refresh()

    assert project_dags.dag_file("retrain_a") == tmp_path / "elsewhere/projects/a.py"
    assert project_dags.dag_file("retrain_a").is_file()
    assert project_dags.dag_file("predict") == machine.ROOT / "dags/predict.py"
    assert caches.unused() == []


@pytest.mark.parametrize("failing", ["names", "find"])
def test_while_the_store_does_not_answer_the_last_files_live(failing: str, monkeypatch) -> None:
    put("a", "b")
    project_dags.refresh()
    before = times()

    def down(*_: object) -> None:
        raise InputError("no object store answers")

    place = (projects, "names") if failing == "names" else (storage, "find_bytes")
    monkeypatch.setattr(*place, down)
    with pytest.raises(InputError, match="no object store"):
        project_dags.refresh()

    assert times() == before


@pytest.mark.parametrize("content", [b'"""\nimport os\n', b"'); import os; ('", b"\\", b"\xff\x00", b'{"a": "{b}"}'])
def test_whatever_a_project_says_its_file_is_one_call(content: bytes) -> None:
    storage.put_bytes(projects.path("odd"), content)

    project_dags.refresh()

    tree = ast.parse(project_dags.dag_file("retrain_odd").read_text())
    call = tree.body[-1].value
    assert [type(node).__name__ for node in tree.body] == ["ImportFrom", "ImportFrom", "AnnAssign"]
    assert [argument.value for argument in call.args] == ["odd", content]


def test_projects_of_a_bucket_live_in_the_cache_while_the_bucket_is_down(bucket: str, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("KINDRED_DATA", f"{bucket}/data")
    monkeypatch.setenv("KINDRED_CACHE", str(tmp_path / "cache"))
    project_dags.refresh()
    put("a", "b", seed=1)
    project_dags.refresh()
    projects.delete("b")
    project_dags.refresh()
    before = times()

    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{stores.free_port()}")
    start = time.monotonic()
    with pytest.raises(InputError, match="no object store answers"):
        project_dags.refresh()

    assert list(before) == ["a"]
    assert times() == before
    assert time.monotonic() - start < 20  # Airflow's DAG processor waits for it
