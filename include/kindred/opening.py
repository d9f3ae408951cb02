"""The first and the last step of a DAG run: its folder, its run.json, its MLflow run, its metrics.json."""

import subprocess
from pathlib import Path
from typing import Any

import kindred
from kindred import results, runs, tracking
from kindred.errors import InputError

FILE = "run.json"


def open_run(dag_id: str, run_id: str, params: dict[str, Any], conf: dict[str, Any]) -> str:
    """The URI of the run's folder, made or found again. Raises InputError for a value that the form does not have."""
    unknown = sorted(set(conf) - set(params))
    if unknown:
        raise InputError(f"unknown param {unknown[0]!r}; known: {', '.join(sorted(params))}")
    folder = runs.run_folder(dag_id, params.get("run_name") or run_id)
    known = runs.read_json(runs.join(folder, FILE))
    wanted = {name: value for name, value in params.items() if name != "run_name"}
    if known and known["params"] == wanted:
        tracking.resume_run(known["mlflow_run_id"])
        return folder
    name = folder.rsplit("/", 1)[1]
    tags = {"kindred.folder": folder, "kindred.version": kindred.__version__, "kindred.airflow_run": run_id}
    if commit := code_version():
        tags["mlflow.source.git.commit"] = commit
    mlflow_run = tracking.start_run(dag_id, name, wanted, tags)
    record = {"dag_id": dag_id, "run": name, "params": wanted, "mlflow_run_id": mlflow_run, "tags": tags}
    runs.put_json(runs.join(folder, FILE), record)
    return folder


def close_run(folder: str, succeeded: bool) -> dict[str, float]:
    """Merge what the stages found into metrics.json and MLflow's parent run, and end that. The figures."""
    figures = results.merge(folder)
    reports = {"metrics.txt": results.table(figures), "run.json": (runs.read_bytes(runs.join(folder, FILE)) or b"").decode()}
    tracking.end_run(folder, figures, reports, "FINISHED" if succeeded else "FAILED")
    return figures


def code_version() -> str | None:
    """The git commit of this code, where it lies in a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except OSError:  # no git here
        return None
    return found.stdout.strip() or None
