"""The page of a run in MLflow's UI, without MLflow: its import takes seconds, and Airflow asks for the page after each
task, within seconds.
"""

import contextlib
import os
import re
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from kindred.runtime import file_names, runs, storage
from kindred.runtime.errors import InputError

LOCAL_UI = "http://127.0.0.1:5000"  # where `make up` serves it
TRAINING = "?workflowType=machine_learning"  # the pages on runs and models, not those on language models


def page_of(folder: str) -> str:
    """The address of a run's page, from its run.json alone; for a run of an older version, whose run.json lacks the
    experiment, from the database on this machine, else the address that leads on to the page. Raises InputError for a
    folder that is no run.
    """
    record = runs.record_of(folder) or {}
    run_id = record.get("mlflow_run_id")
    if run_id is None:
        raise not_opened(folder)
    server, query = os.environ.get("KINDRED_MLFLOW_UI", LOCAL_UI), "SELECT experiment_id FROM runs WHERE run_uuid = ?"
    experiment = record.get("mlflow_experiment_id") or _in_database(os.environ, query, run_id)
    return f"{server}/#/experiments/{experiment}/runs/{run_id}" if experiment else f"{server}/#/runs/{run_id}"


def runs_of(dag_id: str, env: Mapping[str, str] = os.environ) -> str:
    """The address of the list of a DAG's runs, where MLflow's database is a file of this machine that has any; else of
    the list of experiments.
    """
    found = _in_database(env, "SELECT experiment_id FROM experiments WHERE name = ?", dag_id)
    place = f"/{found}/runs" if found else ""
    return f"{env.get('KINDRED_MLFLOW_UI', LOCAL_UI)}/#/experiments{place}{TRAINING}"


def not_opened(folder: str) -> InputError:
    """The error for a folder whose run.json names no MLflow run."""
    return InputError(f"{storage.local(folder)} has no MLflow run: its {file_names.RUN} names none")


def _in_database(env: Mapping[str, str], query: str, value: str) -> str | None:
    """The first value that a query finds, where MLflow's database is a file of this machine."""
    path = local_database(env.get("MLFLOW_TRACKING_URI", ""))
    if path is None or not path.is_file():
        return None
    with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
        row = database.execute(query, (value,)).fetchone() if {"runs", "experiments"} <= tables else None
    return str(row[0]) if row else None


def local_database(uri: str) -> Path | None:
    """The file of MLflow's database with this address, where it is one of this machine."""
    match = re.fullmatch(r"sqlite:///(/?[^?]+)(\?.*)?", uri)
    return Path(match[1]) if match else None
