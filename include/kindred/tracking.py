"""MLflow: experiment = DAG, parent run = DAG run, one child per stage, folds below train. The only module that knows
it.
"""

import os
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from kindred import runs

# What a process that serves a model installs; named, because finding out would take MLflow half a minute.
SERVING_PACKAGES = ("mlflow", "numpy", "onnx", "onnxruntime", "pandas", "pillow", "pyarrow", "scikit-image", "fsspec")


def warm_up() -> None:
    """Import what takes seconds; for a thread that runs while Spark starts."""
    import mlflow  # noqa: F401
    from mlflow.store.tracking import sqlalchemy_store  # noqa: F401


def client() -> Any:
    """The MLflow client of MLFLOW_TRACKING_URI."""
    from mlflow import MlflowClient

    return MlflowClient(os.environ["MLFLOW_TRACKING_URI"])


def start_run(dag_id: str, name: str, params: dict[str, Any], tags: dict[str, str]) -> str:
    """The parent run of a DAG run, in the DAG's experiment, with what was asked for; its id."""
    from mlflow.exceptions import MlflowException

    tracker = client()
    experiment = tracker.get_experiment_by_name(dag_id)
    if experiment is None:
        try:
            experiment_id = tracker.create_experiment(dag_id, os.environ.get("KINDRED_ARTIFACTS"))
        except MlflowException:  # another run made it in the meantime
            experiment_id = tracker.get_experiment_by_name(dag_id).experiment_id
    else:
        experiment_id = experiment.experiment_id
    run = tracker.create_run(experiment_id, run_name=name, tags=tags)
    _log(tracker, run.info.run_id, {}, params)
    return run.info.run_id


def log_stage(folder: str, mark: dict, reports: dict[str, str], started: float) -> str | None:
    """A child run for a finished (or reused) stage, with its figures and `reports` (texts by name). Its id."""
    parent = _parent(folder)
    if parent is None:
        return None
    tracker = client()
    tags = {"kindred.attempt": mark["attempt"], "kindred.folder": mark["folder"]}
    child = _child(tracker, parent, mark["stage"], started, tags)
    _log(tracker, child, mark["figures"], mark["arguments"])
    for name, text in reports.items():
        tracker.log_text(child, text, name)
    if dataset := mark["facts"].get("dataset"):
        _log_dataset(tracker, parent, dataset)
    for fold, figures in sorted(mark["facts"].get("folds", {}).items()):
        below = _child(tracker, child, f"{mark['stage']} fold {fold}", started, {})
        _log(tracker, below, figures, {"fold": fold})
        tracker.set_terminated(below)
    tracker.set_terminated(child)
    return child


def log_failure(folder: str, stage: str, arguments: dict[str, Any], line: str, started: float) -> None:
    """A failed child run that says why."""
    parent = _parent(folder)
    if parent is not None:
        tracker = client()
        child = _child(tracker, parent, stage, started, {"kindred.error": line[:4000]})
        _log(tracker, child, {}, arguments)
        tracker.set_terminated(child, "FAILED")


def end_run(folder: str, figures: dict[str, float], reports: dict[str, str], status: str) -> None:
    """Close the parent run, FINISHED or FAILED, with all of the run's figures and its reports (texts by name)."""
    parent = _parent(folder)
    if parent is not None:
        tracker = client()
        _log(tracker, parent, figures, {})
        for name, text in reports.items():
            tracker.log_text(parent, text, name)
        tracker.set_terminated(parent, status)


def resume_run(run: str) -> None:
    """Open a parent run that had ended."""
    client().update_run(run, status="RUNNING")


def log_model(folder: str, files: dict[str, bytes], classes: list[str], image: bytes) -> str | None:
    """Log the final model on the parent run; its URI.

    `files` are what `kindred.serving` reads, by their names there; `image` is an encoded one, as an example of the
    input.
    """
    run = _parent(folder)
    if run is None:
        return None
    import mlflow
    import pandas as pd
    from mlflow.models import infer_signature

    mlflow.set_tracking_uri(os.environ["MLFLOW_TRACKING_URI"])
    mlflow.set_experiment(experiment_id=client().get_run(run).info.experiment_id)
    example, output = pd.DataFrame({"image": [image]}), pd.DataFrame([[0.5] * len(classes)], columns=classes)
    package = Path(__file__).parent
    with tempfile.TemporaryDirectory() as temporary:
        paths = {}
        for name, content in files.items():
            path = Path(temporary, name)
            path.write_bytes(content)
            paths[path.stem] = str(path)
        with mlflow.start_run(run_id=run):
            info = mlflow.pyfunc.log_model(
                name="model",
                python_model=str(package / "serving.py"),
                artifacts=paths,
                code_paths=[str(package)],
                signature=infer_signature(example, output),
                pip_requirements=[f"{name}=={metadata.version(name)}" for name in SERVING_PACKAGES],
            )
    client().update_run(run, status="RUNNING")  # leaving the block has closed it
    return info.model_uri


def _log_dataset(tracker: Any, run: str, dataset: dict[str, str]) -> None:
    from mlflow.entities import Dataset, DatasetInput

    entity = Dataset(dataset["name"], dataset["digest"], "kindred", dataset["source"])
    tracker.log_inputs(run, [DatasetInput(entity, [])])


def _parent(folder: str) -> str | None:
    return (runs.read_json(runs.join(folder, "run.json")) or {}).get("mlflow_run_id")


def _child(tracker: Any, parent: str, name: str, started: float, tags: dict[str, str]) -> str:
    experiment = tracker.get_run(parent).info.experiment_id
    tags = {"mlflow.parentRunId": parent, **tags}
    return tracker.create_run(experiment, start_time=int(started * 1000), run_name=name, tags=tags).info.run_id


def _log(tracker: Any, run: str, figures: dict[str, float], params: dict[str, Any]) -> None:
    """In batches: one by one takes ten times as long. MLflow's names hold no more than letters, digits and `_-./ `."""
    from mlflow.entities import Metric, Param

    now = int(time.time() * 1000)
    metrics = [Metric(name, float(value), now, 0) for name, value in figures.items()]
    values = [Param(name, str(value)[:6000]) for name, value in params.items()]
    for i in range(0, max(len(metrics), len(values)), 100):
        tracker.log_batch(run, metrics[i : i + 100], values[i : i + 100])
