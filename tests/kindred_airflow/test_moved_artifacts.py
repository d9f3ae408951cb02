"""MLflow's addresses of artefacts after KINDRED_DATA was moved, in a database with MLflow's own tables and columns."""

import contextlib
import shutil
import sqlite3
from pathlib import Path

import pytest

from kindred_airflow import moved_artifacts

TABLES = """
CREATE TABLE experiments (experiment_id INTEGER, artifact_location TEXT);
CREATE TABLE runs (run_uuid TEXT, artifact_uri TEXT);
CREATE TABLE logged_models (model_id TEXT, artifact_location TEXT);
CREATE TABLE model_versions (name TEXT, source TEXT, storage_location TEXT);
"""


@pytest.fixture
def moved(tmp_path: Path) -> tuple[Path, str]:
    """A data folder with a quote and a per cent sign in its name, moved there from the address beside it."""
    before = f"file://{tmp_path}/before/mlartifacts"
    folder = tmp_path / "it's 50% here"
    (folder / "mlartifacts" / "abc" / "artifacts").mkdir(parents=True)
    with contextlib.closing(sqlite3.connect(folder / "mlflow.db")) as connection, connection:
        connection.executescript(TABLES)
        connection.execute("INSERT INTO experiments VALUES (0, ?), (1, ?)", (f"{tmp_path}/mlruns/0", before))
        runs = (f"{before}/abc/artifacts", f"{before}2/def/artifacts")
        connection.execute("INSERT INTO runs VALUES ('abc', ?), ('def', ?)", runs)
        connection.execute("INSERT INTO logged_models VALUES ('m', ?)", (f"{before}/models/m/artifacts",))
        places = ("models:/m", f"{before}/models/m/artifacts")
        connection.execute("INSERT INTO model_versions VALUES ('kindred', ?, ?)", places)
    return folder, before


def addresses(folder: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(folder / "mlflow.db")) as connection:
        queries = [f"SELECT {column} FROM {table}" for table, column in moved_artifacts.ADDRESSES]
        return [address for query in queries for (address,) in connection.execute(query)]


def test_all_addresses_of_artefacts_follow_and_it_is_said_once(moved, messages: list[str], tmp_path: Path) -> None:
    folder, before = moved
    now = f"file://{folder}/mlartifacts"

    for _ in range(2):
        moved_artifacts.follow(folder / "mlflow.db", folder, messages.append)

    assert addresses(folder) == [
        *(f"{tmp_path}/mlruns/0", now, f"{now}/abc/artifacts", f"{before}2/def/artifacts"),
        *(f"{now}/models/m/artifacts", "models:/m", f"{now}/models/m/artifacts"),
    ]
    assert messages == [f"KINDRED_DATA was moved: MLflow's artefacts, which were in {before}, are in {now}"]


def test_artefacts_that_lie_elsewhere_on_purpose_stay_there(moved, messages: list[str]) -> None:
    folder, _ = moved
    shutil.rmtree(folder / "mlartifacts")
    before = addresses(folder)

    moved_artifacts.follow(folder / "mlflow.db", folder, messages.append)

    assert addresses(folder) == before
    assert messages == []


def test_where_no_database_is_yet_there_is_nothing_to_follow(tmp_path: Path, messages: list[str]) -> None:
    moved_artifacts.follow(tmp_path / "mlflow.db", tmp_path, messages.append)
    sqlite3.connect(tmp_path / "empty.db").close()
    moved_artifacts.follow(tmp_path / "empty.db", tmp_path, messages.append)

    assert not (tmp_path / "mlflow.db").exists()
    assert messages == []
