"""What the commands that list and delete runs share: which of a run's processes live, and its logs on this machine."""

import os
from pathlib import Path

from kindred.runtime import run_folders, runs, storage
from kindred_airflow import machine, processes, run_log, up_file


def named(variable: str = "RUN") -> list[str]:
    """The folders of the runs that an environment variable names, with spaces between the names; each once. Raises
    InputError for a name that is none.
    """
    names = (os.environ.get(variable) or "").split()
    return list(dict.fromkeys(run_folders.find(name, os.environ.get("DAG") or "") for name in names))


def alive(tree: str) -> bool | None:
    """Whether the processes that began a run live. Where they do not, but `make up` serves, its scheduler may go on
    with the run: that is not known.
    """
    if processes.members(tree):
        return True
    return None if is_local() and up_file.running() else False


def is_local() -> bool:
    """Whether KINDRED_DATA is a folder of this machine."""
    return storage.data_root().startswith("file://")


def log_of(run: str) -> Path | None:
    """The log that `make run` writes of the run in this folder, where it is on this machine."""
    if not is_local():
        return None
    return run_log.path(*runs.name_of(run).split("/"))


def task_logs_of(run: str, airflow_run: str) -> Path | None:
    """The folder in which Airflow keeps the logs of a DAG run's tasks, where it is on this machine."""
    if not is_local() or not airflow_run:
        return None
    logs = machine.data_folder() / "airflow" / "logs"
    return storage.below(logs, f"dag_id={run.split('/')[-2]}/run_id={airflow_run}")
