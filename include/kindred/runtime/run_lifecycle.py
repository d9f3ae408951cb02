"""The first and the last step of a DAG run: its folder, its run.json, its MLflow run, its metrics.json."""

import logging
import subprocess
import time
from pathlib import Path
from typing import Any

import kindred
from kindred.runtime import (
    file_names,
    label_budget,
    log_lines,
    marks,
    projects,
    results,
    run_changes,
    run_deletion,
    run_description,
    run_state,
    runs,
    stages,
    storage,
    tracking,
    variants,
)
from kindred.runtime.errors import InputError

log = logging.getLogger("kindred")


def open_run(
    dag_id: str,
    run_id: str,
    params: dict[str, Any],
    part: str = "",
    defaults: dict[str, Any] | None = None,
    holder: str = "",
    user: str | None = None,
) -> str:
    """The URI of the run's folder. It is made with its MLflow run, or, where it is there with the same values of the
    form, resumed. `part` names one of several runs of a DAG run; `defaults` are those of the form; `user` has
    triggered it; `holder` is the name of the processes that do the run, by which it is known later whether they live.

    With other values the run goes on in its folder, with an MLflow run of its own; the one before is marked as
    replaced. May be called again after a failure: the same `run_id` finds what it has made.
    """
    folder = runs.run_folder(dag_id, params.get("run_name") or run_id)
    folder = f"{folder}-{part}" if part else folder
    run_deletion.check_not_begun(folder)
    origin: dict[str, Any] = {"dag_id": dag_id, "part": part, "defaults": defaults or {}}
    if project := projects.of_dag(dag_id):
        origin["project"] = project
    _open(folder, run_id, {name: value for name, value in params.items() if name != "run_name"}, origin, user)
    run_state.opened(folder, holder)
    run_deletion.check_not_begun(folder)  # who deletes a run looks at its state again after that has begun
    return folder


def _open(folder: str, run_id: str, values: dict[str, Any], origin: dict[str, Any], user: str | None) -> None:
    """Put the run.json of a run in its folder, and start its MLflow run, or resume both; `origin` is what run.json
    says of the DAG.
    """
    known = _known(folder)
    if known and known["params"] == values and _resumed(known):
        return
    name = folder.rsplit("/", 1)[1]
    tags = {"kindred.folder": folder, "kindred.version": kindred.__version__, "kindred.airflow_run": run_id}
    tags |= {tag: str(value) for tag, value in stages.shown(values).items()} | _budget(values)
    tags |= run_description.tags(origin["dag_id"], name, values, user)
    if commit := code_version():
        tags["mlflow.source.git.commit"] = commit
    mlflow_run = tracking.start_run(origin["dag_id"], name, values, tags)
    ids = {"mlflow_run_id": mlflow_run, "mlflow_experiment_id": tracking.experiment_of(mlflow_run)}
    if known and known["params"] != values:
        _say(run_changes.summary(folder, known["params"], values))
        tracking.replace_run(known["mlflow_run_id"], mlflow_run)
    record = {**origin, "run": name, "params": values, "tags": tags, **ids}
    runs.put_record(folder, {**record, "opened": run_state.stamp(time.time())})


def _known(folder: str) -> dict[str, Any] | None:
    """What is known of an earlier run in this folder; of a run.json that is broken nothing, which is said."""
    try:
        record = runs.record_of(folder)
    except storage.UnreadableError as error:
        _say(f"{error.fault}: made again, with another MLflow run")
        return None
    return record if record and "params" in record and "mlflow_run_id" in record else None


def _resumed(known: dict[str, Any]) -> bool:
    """Open the MLflow run of an earlier run again. False, which is said, where MLflow no longer has it."""
    try:
        tracking.resume_run(known["mlflow_run_id"])
    except InputError as error:
        _say(f"{error}: made again")
        return False
    return True


def _say(text: str) -> None:
    """One line for the console."""
    log.info("%s", log_lines.progress("open_run", text))


def close_run(folder: str, succeeded: bool) -> dict[str, float]:
    """Merge the stages' figures into metrics.json and MLflow's parent run, and end that. The figures."""
    figures = results.merge(folder)
    run_state.closed(folder, succeeded)
    reports = {
        name: (storage.find_bytes(storage.join(folder, name)) or b"").decode()
        for name in (file_names.SUMMARY, file_names.RUN)
    }
    record = runs.record_of(folder) or {}
    described = (str(record.get("dag_id", "")), str(record.get("run", "")), runs.params_in(record))
    note = run_description.note(*described, reports[file_names.SUMMARY], report=bool(results.report(folder)))
    tracking.end_run(folder, figures, reports, "FINISHED" if succeeded else "FAILED", {run_description.NOTE: note})
    return figures


def resolve(folder: str, stage: str) -> None:
    """Name what a finished stage took where the form says `auto`, in run.json and in the tags of MLflow's run."""
    record, mark = runs.record_of(folder), marks.mark_of(storage.join(folder, stage))
    if record is None or mark is None:
        return
    unresolved = {name for name, value in record["params"].items() if value == variants.AUTO}
    taken = {name: value for name, value in mark["arguments"].items() if name in unresolved}
    if not taken:
        return
    record["resolved"] = {**record.get("resolved", {}), **taken}
    note = run_description.note(str(record["dag_id"]), str(record["run"]), runs.params_in(record))
    tags = {**{name: str(value) for name, value in taken.items()}, run_description.NOTE: note}
    tracking.set_tags(folder, tags)
    runs.put_record(folder, {**record, "tags": {**record["tags"], **tags}})


def _budget(params: dict[str, Any]) -> dict[str, str]:
    """The tag `labels`: how many are given, where the form has such a field."""
    return {"labels": str(label_budget.of_params(params))} if "labels" in params else {}


def code_version() -> str | None:
    """The git commit of this code, where it lies in a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except OSError:  # no git here
        return None
    return answer.stdout.strip() or None
