"""MLflow: experiment = DAG, parent run = DAG run, one child per stage, folds below train. With `model_registry.py` the
only module that knows it.
"""

from __future__ import annotations

import fcntl
import functools
import os
import re
import tempfile
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kindred.runtime import marks, mlflow_pages, run_description, runs, storage
from kindred.runtime.errors import InputError

if TYPE_CHECKING:
    from mlflow import MlflowClient

# What a process that serves a model installs; named, because finding out would take MLflow half a minute.
SERVING_PACKAGES = (  # that the served model imports
    *("fsspec", "isal", "mlflow", "numpy", "onnx", "onnxruntime", "pandas"),
    *("pi-heif", "pillow", "pyarrow", "scikit-image"),
)
REPLACED = "kindred.replaced_by"  # tag of a parent run: the id of the one that has its folder now
BATCH = 100  # metrics, and params, in one request: MLflow takes no more params
MAX_PARAM_CHARACTERS, MAX_TAG_CHARACTERS = 6000, 4000  # more than that MLflow refuses, or cuts
MAX_RUNS = 1000  # that a filter finds
EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}  # MLflow's page opens on runs, not on traces


def client() -> MlflowClient:
    """The MLflow client of MLFLOW_TRACKING_URI."""
    from mlflow import MlflowClient

    uri = os.environ["MLFLOW_TRACKING_URI"]
    _make_database(uri)
    return MlflowClient(uri)


@functools.cache
def _make_database(uri: str) -> None:
    """Let MLflow make, or bring up to date, its database in a file, which only one process may do at a time."""
    from mlflow import MlflowClient

    path = mlflow_pages.local_database(uri)
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f".{path.name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        MlflowClient(uri).search_experiments(max_results=1)


def start_run(dag_id: str, name: str, params: dict[str, Any], tags: dict[str, str]) -> str:
    """The parent run of a DAG run, in the DAG's experiment, with the values of its form; its id. A second call with the
    tags of the first, after a failure, finds its run.
    """
    tracker = client()
    experiment = _experiment(tracker, dag_id)
    run_id = _started(tracker, experiment, tags)
    if run_id is None:
        run_id = tracker.create_run(experiment, run_name=name, tags=tags).info.run_id
    _log(tracker, run_id, {}, params)
    return run_id


def _started(tracker: MlflowClient, experiment: str, tags: dict[str, str]) -> str | None:
    """The run of an experiment that an earlier try of the same Airflow run has started for the same folder."""
    airflow_run, folder = tags.get("kindred.airflow_run", ""), tags.get("kindred.folder")
    if not re.fullmatch(r"[A-Za-z0-9_.~:+-]+", airflow_run):  # of other characters a filter may not consist
        return None
    same = tracker.search_runs([experiment], f"tags.`kindred.airflow_run` = '{airflow_run}'")
    found = [r.info.run_id for r in same if r.data.tags.get("kindred.folder") == folder and REPLACED not in r.data.tags]
    return found[-1] if found else None


def experiment_of(run_id: str) -> str:
    """The id of the experiment that a run belongs to."""
    return str(client().get_run(run_id).info.experiment_id)


def resume_run(run_id: str) -> None:
    """Open a parent run that had ended. Raises InputError where MLflow does not have it."""
    from mlflow.exceptions import MlflowException

    try:
        client().update_run(run_id, status="RUNNING")
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        raise InputError(f"MLflow at {os.environ['MLFLOW_TRACKING_URI']} has no run {run_id!r}") from None


def replace_run(run_id: str, by: str) -> None:
    """Mark a parent run as replaced: its folder holds the work of the run `by` from now on."""
    from mlflow.exceptions import MlflowException

    tracker = client()
    try:
        tracker.set_tag(run_id, REPLACED, by)
        if tracker.get_run(run_id).info.status == "RUNNING":  # it was killed
            tracker.set_terminated(run_id, "KILLED")
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise


def end_run(folder: str, figures: dict[str, float], reports: dict[str, str], status: str, tags: dict[str, str]) -> None:
    """Close the parent run, FINISHED or FAILED, with all of the run's figures, its reports (texts by name) and tags."""
    run_id = run_id_of(folder)
    if run_id is not None:
        tracker = client()
        _log(tracker, run_id, figures, {})
        for name, text in reports.items():
            tracker.log_text(run_id, text, name)
        set_tags(folder, tags)
        tracker.set_terminated(run_id, status)


def set_tags(folder: str, tags: dict[str, str]) -> None:
    """Set tags of the parent run."""
    tracker, run_id = client(), _run_id(folder)
    for name, text in tags.items():
        tracker.set_tag(run_id, name, text[:MAX_TAG_CHARACTERS])


def run_id_of(folder: str) -> str | None:
    """The id of the parent run of the run in a folder, or None where it was never opened."""
    record = runs.record_of(folder)
    return record.get("mlflow_run_id") if record else None


def log_stage(folder: str, stage: str, started: float) -> None:
    """A child run for a stage that has just finished, with what is in its mark; the final model goes to the parent."""
    run_id, tracker = _run_id(folder), client()
    mark = marks.mark_of(storage.join(folder, stage))
    if mark is None:
        raise InputError(f"no finished {stage!r} in {storage.local(folder)}")
    facts, attempt = mark["facts"], mark["folder"]
    child = _child(tracker, run_id, stage, started, {"kindred.attempt": mark["attempt"], "kindred.folder": attempt})
    _log(tracker, child, mark["figures"], mark["arguments"], mark.get("steps"))  # an older mark has none
    for name in mark["reports"]:
        _log_file(tracker, child, name, storage.read_bytes(storage.join(attempt, name)))
    if page := facts.get("page"):  # of the whole run
        _log_file(tracker, run_id, page, storage.read_bytes(storage.join(attempt, page)))
    if dataset := facts.get("dataset"):
        _log_dataset(tracker, run_id, dataset)
    for fold, figures in sorted(facts.get("folds", {}).items()):
        below = _child(tracker, child, f"{stage} fold {fold}", started, {})
        _log(tracker, below, figures, {"fold": fold})
        tracker.set_terminated(below)
    if (model := facts.get("model")) and not mark["figures"][f"{stage}/reused"]:
        _log_model(tracker, run_id, attempt, model)
    tracker.set_terminated(child)


def log_failure(folder: str, stage: str, line: str, started: float) -> None:
    """A failed child run with the reason."""
    tracker = client()
    child = _child(tracker, _run_id(folder), stage, started, {"kindred.error": line[:MAX_TAG_CHARACTERS]})
    tracker.set_terminated(child, "FAILED")


def log_files(folder: str, files: dict[str, bytes], figures: dict[str, float]) -> None:
    """Files (content by name) and figures for the parent run, also after its end."""
    tracker, run_id = client(), _run_id(folder)
    _log(tracker, run_id, figures, {})
    for name, content in files.items():
        _log_file(tracker, run_id, name, content)


def find_folders(query: str) -> list[str]:
    """The folders of the finished DAG runs that match a filter in the language of MLflow's search, newest first.
    Raises InputError for one that MLflow does not understand.
    """
    from mlflow.exceptions import MlflowException

    tracker = client()
    experiments = [experiment.experiment_id for experiment in tracker.search_experiments()]
    finished = f"attributes.status = 'FINISHED' and {query}"
    newest_first = ["attributes.start_time DESC"]
    try:
        matches = tracker.search_runs(experiments, finished, order_by=newest_first, max_results=MAX_RUNS)
    except MlflowException as error:
        raise InputError(f"MLflow does not understand the filter {query!r}: {error.message.splitlines()[0]}") from None
    parents = [r for r in matches if "mlflow.parentRunId" not in r.data.tags and "kindred.folder" in r.data.tags]
    folders = [_folder_now(run.data.tags["kindred.folder"], run.info.run_id) for run in parents]
    return [folder for folder in folders if folder is not None]


def _folder_now(folder: str, run_id: str) -> str | None:
    """Where the folder of a parent run lies now, by what it was when the run was made: KINDRED_DATA may have been moved
    since. None where the folder holds the work of another run, which has replaced this one.
    """
    moved = storage.join(storage.data_root(), "runs", *folder.rstrip("/").split("/")[-2:])
    for place in dict.fromkeys([moved, folder]):
        if run_id_of(place) == run_id:
            return place
    return folder if run_id_of(folder) is None else None


def _experiment(tracker: MlflowClient, dag_id: str) -> str:
    """The id of a DAG's experiment, which is made where there is none."""
    from mlflow.exceptions import MlflowException

    if (experiment := tracker.get_experiment_by_name(dag_id)) is not None:
        for name, value in EXPERIMENT_TAGS.items():
            if experiment.tags.get(name) != value:  # of an older version
                tracker.set_experiment_tag(experiment.experiment_id, name, value)
        return experiment.experiment_id
    try:
        return tracker.create_experiment(dag_id, os.environ.get("KINDRED_ARTIFACTS"), EXPERIMENT_TAGS)
    except MlflowException:
        if (experiment := tracker.get_experiment_by_name(dag_id)) is None:
            raise
        return experiment.experiment_id  # another run made it in the meantime


def _log_model(tracker: MlflowClient, run_id: str, folder: str, model: dict[str, Any]) -> None:
    """Log the final model on a run: `model` has the classes, the names of the files in `folder` that the served model
    reads, that of an image as an example of the input, and packages that it needs beside SERVING_PACKAGES.
    """
    import mlflow
    import pandas as pd
    from mlflow.models import infer_signature

    mlflow.set_tracking_uri(os.environ["MLFLOW_TRACKING_URI"])
    mlflow.set_experiment(experiment_id=tracker.get_run(run_id).info.experiment_id)
    classes = model["classes"]
    example = pd.DataFrame({"image": [storage.read_bytes(storage.join(folder, model["example"]))]})
    output = pd.DataFrame([[1 / len(classes)] * len(classes)], columns=classes)
    package, packages = Path(__file__).parents[1], [*SERVING_PACKAGES, *model.get("packages", [])]
    with tempfile.TemporaryDirectory() as temporary:
        paths = {}
        for name in model["files"]:
            path = Path(temporary, name)
            path.write_bytes(storage.read_bytes(storage.join(folder, name)))
            paths[path.stem] = str(path)
        with mlflow.start_run(run_id=run_id):
            mlflow.pyfunc.log_model(
                name="model",
                python_model=str(package / "serving" / "mlflow_model.py"),
                artifacts=paths,
                code_paths=[str(package)],
                signature=infer_signature(example, output),
                pip_requirements=[f"{name}=={metadata.version(name)}" for name in packages],
            )
    tracker.update_run(run_id, status="RUNNING")  # leaving the block has closed it


def _log_dataset(tracker: MlflowClient, run_id: str, dataset: dict[str, str]) -> None:
    from mlflow.entities import Dataset, DatasetInput

    entity = Dataset(dataset["name"], dataset["digest"], "kindred", dataset["source"])
    tracker.log_inputs(run_id, [DatasetInput(entity, [])])


def _log_file(tracker: MlflowClient, run_id: str, name: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary, name)
        path.write_bytes(content)
        tracker.log_artifact(run_id, str(path))


def _run_id(folder: str) -> str:
    """`run_id_of`, where the run was opened. Raises InputError where it was not."""
    run_id = run_id_of(folder)
    if run_id is None:
        raise mlflow_pages.not_opened(folder)
    return run_id


def _child(tracker: MlflowClient, parent: str, name: str, started: float, tags: dict[str, str]) -> str:
    above = tracker.get_run(parent)
    inherited = {name: above.data.tags[name] for name in run_description.INHERITED if name in above.data.tags}
    tags = {"mlflow.parentRunId": parent, **inherited, **tags}
    experiment = above.info.experiment_id
    return tracker.create_run(experiment, start_time=int(started * 1000), run_name=name, tags=tags).info.run_id


def _log(
    tracker: MlflowClient,
    run_id: str,
    figures: dict[str, float],
    params: dict[str, Any],
    steps: dict[str, Sequence[tuple[int, float]]] | None = None,
) -> None:
    """In batches: one by one takes ten times as long. MLflow's names hold no more than letters, digits and `_-./ `."""
    from mlflow.entities import Metric, Param

    now = int(time.time() * 1000)
    metrics = [Metric(name, float(value), now, 0) for name, value in figures.items()]
    for name, curve in (steps or {}).items():
        metrics += [Metric(name, float(value), now, int(step)) for step, value in curve]
    values = [Param(name, str(value)[:MAX_PARAM_CHARACTERS]) for name, value in params.items()]
    for i in range(0, max(len(metrics), len(values)), BATCH):
        tracker.log_batch(run_id, metrics[i : i + BATCH], values[i : i + BATCH])
