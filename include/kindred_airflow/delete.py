"""`make delete`: runs go as a whole, with their part of MLflow and their logs. What runs share stays: `make prune`."""

import shutil
from typing import Any

from kindred.runtime import (
    file_sizes,
    kept_runs,
    marks,
    preflight,
    references,
    run_deletion,
    run_folders,
    runs,
    storage,
    tracking_deletion,
)
from kindred.runtime.errors import InputError
from kindred.runtime.file_names import RUN
from kindred_airflow import command, machine, managed_runs, run_log, sizes

WHY = {
    kept_runs.CHAMPION: "is served (the champion); `make promote RUN=name` promotes another first",
    kept_runs.PREDECESSOR: "was served before the champion, and is kept to go back to until another run is promoted",
}


def main() -> int:
    """Delete the runs that RUN names, none of them if one is refused."""
    command.required("RUN", usage='say which run: make delete RUN=name, or RUN="a b c"')
    machine.use_tracking()
    with marks.locked(storage.join(storage.data_root(), "runs")):
        folders = managed_runs.named()
        for folder in folders:
            check(folder)
        for folder in folders:
            print(f"  deleted {delete(folder)}", flush=True)
    return 0


def check(run: str) -> None:
    """Raise InputError for the folder of a run that may not be deleted."""
    run_deletion.check_links(run)
    if run_deletion.begun(run) is None:
        _check_unused(run)
    if mlflow_run := _mlflow_run(run):
        preflight.check_tracking()
        if tracking_deletion.is_champion(mlflow_run):
            raise InputError(f"the model of {runs.name_of(run)} has MLflow's alias champion; promote another first")


def delete(run: str) -> str:
    """Delete a run, or what is left of one; what is gone, for a person. Raises InputError for one that has come into
    use since it was checked.
    """
    is_first_try = run_deletion.begun(run) is None
    record = run_deletion.begin(run)
    if is_first_try:
        try:
            _check_unused(run)
        except InputError:
            run_deletion.take_back(run)
            raise
    parts = [f"files {sizes.text(run_deletion.delete_files(run))}"]
    if mlflow_run := record.get("mlflow_run_id"):
        count, size = tracking_deletion.delete(mlflow_run)
        parts.append(f"{count} MLflow runs {sizes.text(size)}")
    parts.append(f"logs {sizes.text(_delete_logs(run, record))}")
    run_deletion.end(run)
    return f"{runs.name_of(run)}: {', '.join(parts)}"


def _check_unused(run: str) -> None:
    name = runs.name_of(run)
    if (reason := kept_runs.served().get(name)) is not None:
        raise InputError(f"run {name} {WHY[reason]}")
    if kept_runs.is_pinned(run):
        raise InputError(f"run {name} is pinned; `make unpin RUN={name}` first")
    log = managed_runs.log_of(run)
    if (log and run_log.is_held(log)) or run_folders.read(run).is_running(managed_runs.alive):
        raise InputError(f"run {name} is in progress; wait for its end, or stop it first")


def _mlflow_run(run: str) -> str | None:
    """The id of the run's part of MLflow, where it is known."""
    record = run_deletion.begun(run)
    if record is None:
        record = run_folders.read(run).record
    return record.get("mlflow_run_id")


def _delete_logs(run: str, record: dict[str, Any]) -> int:
    """Delete the logs of a run on this machine; their bytes. Those of Airflow's tasks stay where another run is part of
    the same DAG run.
    """
    airflow_run = _airflow_run(record)
    dag, name = run.split("/")[-2:]
    others = {f"{storage.join(run.rpartition('/')[0], other)}/{RUN}" for other in runs.known_runs(dag) if other != name}
    shared = (
        any(airflow_run.encode() in content for content in references.read(others).values()) if airflow_run else True
    )
    logs = [managed_runs.log_of(run), None if shared else managed_runs.task_logs_of(run, airflow_run)]
    size = 0
    for log in filter(None, logs):
        size += file_sizes.of_paths([log])
        if log.is_dir() and not log.is_symlink():
            shutil.rmtree(log)
        else:
            log.unlink(missing_ok=True)
    return size


def _airflow_run(record: dict[str, Any]) -> str:
    return str((record.get("tags") or {}).get("kindred.airflow_run") or "")


if __name__ == "__main__":
    command.exit_with(main)
