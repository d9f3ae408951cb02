"""The environment of Airflow and its jobs on one machine."""

import json
import os
import tempfile
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlparse
from urllib.request import url2pathname

import pytest

from kindred.runtime import java
from kindred.runtime.errors import InputError
from kindred_airflow import linked_folders, machine


def test_what_is_set_stays_and_where_data_lie_is_fixed(data, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(java, "java_home", lambda: "/java")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow.example")
    monkeypatch.setenv("AIRFLOW_HOME", "/elsewhere")

    env = machine.environment("runs.db")

    assert env["MLFLOW_TRACKING_URI"] == "http://mlflow.example"
    assert env["AIRFLOW_HOME"] == f"{data}/airflow"
    assert env["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == f"sqlite:///{data}/airflow/runs.db?timeout=60"


def test_the_key_of_tokens_is_made_once_and_is_its_owners(data, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(java, "java_home", lambda: "/java")

    first, second = (machine.environment("runs.db")["AIRFLOW__API_AUTH__JWT_SECRET"] for _ in range(2))

    assert first == second
    assert len(first) == 128
    assert (data / "airflow" / "jwt_secret").stat().st_mode & 0o777 == 0o600


def test_data_must_lie_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINDRED_DATA", "s3a://bucket/data")

    with pytest.raises(InputError, match="KINDRED_DATA is s3a://bucket/data; on one machine it must be a local folder"):
        machine.data_folder()


@pytest.mark.parametrize(("cores", "setting", "slots"), [(2, "", 1), (8, "", 2), (8, "5", 5)])
def test_a_machine_gets_a_slot_for_four_cores(cores: int, setting: str, slots: int, monkeypatch) -> None:
    monkeypatch.setattr(machine.cpu, "cores", lambda: cores)
    monkeypatch.setenv("KINDRED_SPARK_SLOTS", setting)

    assert machine.slots() == slots


@pytest.mark.parametrize(("cores", "setting", "tasks"), [(2, "", 3), (8, "", 10), (64, "", 32), (2, "5", 7)])
def test_airflow_runs_as_many_tasks_as_the_machine_has_room_for(
    cores: int, setting: str, tasks: int, monkeypatch
) -> None:
    monkeypatch.setattr(java, "java_home", lambda: "/java")
    monkeypatch.setattr(machine.cpu, "cores", lambda: cores)
    monkeypatch.setenv("KINDRED_SPARK_SLOTS", setting)

    assert machine.environment("airflow.db")["AIRFLOW__CORE__PARALLELISM"] == str(tasks)
    monkeypatch.setenv("AIRFLOW__CORE__PARALLELISM", "12")
    assert machine.environment("airflow.db")["AIRFLOW__CORE__PARALLELISM"] == "12"


def test_the_databases_are_made_again_for_another_version_and_nobody_else_reads_them(data, monkeypatch) -> None:
    commands: list[list[str]] = []

    def run(command, **_):
        commands.append(command)
        return SimpleNamespace(returncode=0, wait=lambda: 0)

    monkeypatch.setattr(machine.subprocess, "run", run)
    monkeypatch.setattr(machine.subprocess, "Popen", run)
    monkeypatch.setattr(java, "write_class_archive", lambda *_: None)
    monkeypatch.setenv("JAVA_HOME", "/java")
    env = {"AIRFLOW_HOME": str(data / "airflow"), "JAVA_HOME": "/java"}
    (data / "airflow").mkdir(parents=True)
    (data / "airflow" / "runs.db").touch(0o644)
    (data / "airflow" / ".runs.db.ready").touch()  # as earlier versions did

    machine.prepare(env, "runs.db")
    machine.prepare(env, "runs.db")

    of_airflow = [json.loads(command[3]) for command in commands if command[2] == machine.AIRFLOW_COMMANDS]
    assert [[words[:2] for words in programs] for programs in of_airflow] == [[["db", "migrate"], ["pools", "set"]]]
    assert (data / "airflow" / "runs.db").stat().st_mode & 0o777 == 0o600


def test_the_addresses_of_databases_and_artefacts_hold_for_any_folder(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy import create_engine, text

    monkeypatch.setattr(java, "java_home", lambda: "/java")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = tmp_path / "a [2024] {x,y} \u00e9 #1 %20 100% *?b=c" / "data"
    monkeypatch.setenv("KINDRED_DATA", str(folder))
    (folder / "airflow").mkdir(parents=True)

    env = machine.environment("runs.db")
    for name in ("MLFLOW_TRACKING_URI", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"):
        with create_engine(env[name]).connect() as connection:
            connection.execute(text("create table t (i int)"))

    assert sorted(path.name for path in folder.rglob("*.db")) == ["mlflow.db", "runs.db"]
    assert Path(url2pathname(urlparse(env["KINDRED_ARTIFACTS"]).path)) == folder / "mlartifacts"


@pytest.mark.parametrize(("name", "before", "after"), [("LC_ALL", "C", "C.UTF-8"), ("LANG", "de_DE.utf8", None)])
def test_java_gets_a_locale_that_can_name_every_file(name: str, before: str, after: str | None, monkeypatch) -> None:
    monkeypatch.setattr(java, "java_home", lambda: "/java")
    for variable in ("LC_ALL", "LC_CTYPE", "LANG"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv(name, before)

    assert machine.environment("runs.db").get("LC_ALL") == after


def test_a_link_of_another_account_is_not_followed(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / f"kindred-{os.getuid()}").symlink_to(tmp_path)

    with pytest.raises(InputError, match="is not this account's own; delete it"):
        linked_folders.without_question_mark(tmp_path / "a?b")
