"""The first and the last step of a DAG run: its folder, its run.json, its MLflow run, its metrics.json."""

import subprocess
from pathlib import Path
from typing import Any

import kindred
from kindred.runtime import file_names, results, runs, storage, tracking

TAGS = ("dataset", "extractor", "classifier", "labeller")  # params that MLflow's lists are filtered and grouped by


def open_run(dag_id: str, run_id: str, params: dict[str, Any], part: str = "") -> str:
    """The URI of the run's folder. It is made with its MLflow run, or, where it is there with the same values of the
    form, resumed. `part` names one of several runs of a DAG run.
    """
    folder = runs.run_folder(dag_id, params.get("run_name") or run_id)
    folder = f"{folder}-{part}" if part else folder
    known = storage.find_json(storage.join(folder, file_names.RUN))
    values = {name: value for name, value in params.items() if name != "run_name"}
    if known and known["params"] == values:
        tracking.resume_run(known["mlflow_run_id"])
        return folder
    name = folder.rsplit("/", 1)[1]
    tags = {"kindred.folder": folder, "kindred.version": kindred.__version__, "kindred.airflow_run": run_id}
    tags |= {tag: str(values[tag]) for tag in TAGS if tag in values} | _budget(values)
    if commit := code_version():
        tags["mlflow.source.git.commit"] = commit
    mlflow_run = tracking.start_run(dag_id, name, values, tags)
    record = {"dag_id": dag_id, "run": name, "params": values, "mlflow_run_id": mlflow_run, "tags": tags}
    storage.put_json(storage.join(folder, file_names.RUN), record)
    return folder


def close_run(folder: str, succeeded: bool) -> dict[str, float]:
    """Merge the stages' figures into metrics.json and MLflow's parent run, and end that. The figures."""
    figures = results.merge(folder)
    reports = {
        name: (storage.find_bytes(storage.join(folder, name)) or b"").decode()
        for name in (file_names.SUMMARY, file_names.RUN)
    }
    tracking.end_run(folder, figures, reports, "FINISHED" if succeeded else "FAILED")
    return figures


def _budget(params: dict[str, Any]) -> dict[str, str]:
    """The tag `labels`: how many are given, where the form has such a field."""
    if "labels" not in params:
        return {}
    if params.get("labels_per_class"):
        return {"labels": f"{params['labels_per_class']} per class"}
    return {"labels": str(params["labels"] or "all")}


def code_version() -> str | None:
    """The git commit of this code, where it lies in a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except OSError:  # no git here
        return None
    return answer.stdout.strip() or None
