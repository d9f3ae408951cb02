"""MLflow: experiment = DAG, parent run = DAG run, one child per stage, folds below train. The only module that knows
it.
"""

import base64
import http.client
import os
import tempfile
import time
import urllib.error
import urllib.request
from importlib import metadata
from pathlib import Path
from typing import Any

from kindred.runtime import file_names, marks, storage
from kindred.runtime.errors import InputError

MODEL, CHAMPION = "kindred", "champion"  # the registered model, and the alias of the version that is served
LOCAL_UI = "http://127.0.0.1:5000"  # where `make up` serves it
CHECK_SECONDS = 20
# What a process that serves a model installs; named, because finding out would take MLflow half a minute.
SERVING_PACKAGES = ("mlflow", "numpy", "onnx", "onnxruntime", "pandas", "pillow", "pyarrow", "scikit-image", "fsspec")


def client() -> Any:
    """The MLflow client of MLFLOW_TRACKING_URI."""
    from mlflow import MlflowClient

    return MlflowClient(os.environ["MLFLOW_TRACKING_URI"])


def check() -> None:
    """Raise InputError, within seconds, where MLFLOW_TRACKING_URI is a server that does not answer or refuses. Asked
    without MLflow's own client, which would try for minutes.
    """
    server = os.environ.get("MLFLOW_TRACKING_URI", "")
    if not server.startswith(("http://", "https://")):
        return
    request = urllib.request.Request(f"{server.rstrip('/')}/api/2.0/mlflow/experiments/search?max_results=1")
    user, password = (os.environ.get(f"MLFLOW_TRACKING_{name}", "") for name in ("USERNAME", "PASSWORD"))
    if user:
        request.add_header("Authorization", f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}")
    try:
        urllib.request.urlopen(request, timeout=CHECK_SECONDS).close()
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            names = "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
            raise InputError(f"MLflow at {server} does not know the user; mend {names}") from None
        raise InputError(f"MLflow at {server} answers with status {error.code}; mend MLFLOW_TRACKING_URI") from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise InputError(f"no MLflow server answers at {server} ({reason}); mend MLFLOW_TRACKING_URI") from None


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


def address(folder: str) -> str:
    """Where MLflow's UI shows a run of Kindred's."""
    parent = _parent(folder)
    experiment = client().get_run(parent).info.experiment_id
    return f"{os.environ.get('KINDRED_MLFLOW_UI', LOCAL_UI)}/#/experiments/{experiment}/runs/{parent}"


def log_stage(folder: str, stage: str, started: float) -> None:
    """A child run for a stage that has just finished, with what its mark says; the final model goes to the parent."""
    parent = _parent(folder)
    mark = marks.mark_of(storage.join(folder, stage))
    tracker = client()
    tags = {"kindred.attempt": mark["attempt"], "kindred.folder": mark["folder"]}
    child = _child(tracker, parent, stage, started, tags)
    _log(tracker, child, mark["figures"], mark["arguments"], mark.get("steps"))  # an older mark has none
    for name in mark["reports"]:
        _log_file(tracker, child, name, storage.find_bytes(storage.join(mark["folder"], name)))
    if page := mark["facts"].get("page"):  # of the whole run
        _log_file(tracker, parent, page, storage.find_bytes(storage.join(mark["folder"], page)))
    if dataset := mark["facts"].get("dataset"):
        _log_dataset(tracker, parent, dataset)
    for fold, figures in sorted(mark["facts"].get("folds", {}).items()):
        below = _child(tracker, child, f"{stage} fold {fold}", started, {})
        _log(tracker, below, figures, {"fold": fold})
        tracker.set_terminated(below)
    if (model := mark["facts"].get("model")) and not mark["figures"][f"{stage}/reused"]:
        _log_model(tracker, parent, mark["folder"], model)
    tracker.set_terminated(child)


def log_failure(folder: str, stage: str, line: str, started: float) -> None:
    """A failed child run that says why."""
    tracker = client()
    child = _child(tracker, _parent(folder), stage, started, {"kindred.error": line[:4000]})
    tracker.set_terminated(child, "FAILED")


def log_files(folder: str, files: dict[str, bytes], figures: dict[str, float]) -> None:
    """Files (content by name) and figures for the parent run, also after its end."""
    tracker, parent = client(), _parent(folder)
    _log(tracker, parent, figures, {})
    for name, content in files.items():
        _log_file(tracker, parent, name, content)


def end_run(folder: str, figures: dict[str, float], reports: dict[str, str], status: str) -> None:
    """Close the parent run, FINISHED or FAILED, with all of the run's figures and its reports (texts by name)."""
    parent = _parent(folder)
    if parent is not None:
        tracker = client()
        _log(tracker, parent, figures, {})
        for name, text in reports.items():
            tracker.log_text(parent, text, name)
        tracker.set_terminated(parent, status)


def folders(wanted: str) -> list[str]:
    """The folders of the finished DAG runs that a filter (in the language of MLflow's search) finds, newest first.
    Raises InputError for one that MLflow does not understand.
    """
    from mlflow.exceptions import MlflowException

    tracker = client()
    experiments = [experiment.experiment_id for experiment in tracker.search_experiments()]
    both = f"attributes.status = 'FINISHED' and {wanted}"
    try:
        found = tracker.search_runs(experiments, both, order_by=["attributes.start_time DESC"], max_results=1000)
    except MlflowException as error:
        raise InputError(f"MLflow does not understand the filter {wanted!r}: {error.message.splitlines()[0]}") from None
    tags = [run.data.tags for run in found]
    return [t["kindred.folder"] for t in tags if "mlflow.parentRunId" not in t and "kindred.folder" in t]


def promote(folder: str) -> tuple[str, str | None]:
    """Give the alias CHAMPION to the final model of a DAG run, which is registered as a version of MODEL where it is
    not yet: the version, and the one that had the alias. Raises InputError for a run without a logged model.
    """
    from mlflow.exceptions import MlflowException

    check()
    tracker, parent = client(), _parent(folder)
    try:
        run = tracker.get_run(parent or "")
    except MlflowException:
        server = os.environ["MLFLOW_TRACKING_URI"]
        raise InputError(
            f"MLflow at {server} has no run of {storage.local(folder)}; promote it where it was made"
        ) from None
    models = tracker.search_logged_models([run.info.experiment_id], f"source_run_id = '{parent}'")
    if not models:
        raise InputError(f"the run {run.info.run_name!r} has no model in MLflow; its stage gate logs one")
    if not tracker.search_registered_models(f"name = '{MODEL}'"):
        tracker.create_registered_model(MODEL)
    known = tracker.search_model_versions(f"name = '{MODEL}' and run_id = '{parent}'")
    newest = models[0]
    version = (
        known[0] if known else tracker.create_model_version(MODEL, newest.model_uri, parent, model_id=newest.model_id)
    )
    try:
        before = tracker.get_model_version_by_alias(MODEL, CHAMPION).version
    except MlflowException:  # the first
        before = None
    set_champion(version.version)
    return str(version.version), before if before is None else str(before)


def set_champion(version: str | None) -> None:
    """Give the alias CHAMPION to a version of MODEL, or to none."""
    if version is None:
        client().delete_registered_model_alias(MODEL, CHAMPION)
    else:
        client().set_registered_model_alias(MODEL, CHAMPION, str(version))


def resume_run(run: str) -> None:
    """Open a parent run that had ended."""
    client().update_run(run, status="RUNNING")


def _log_model(tracker: Any, run: str, folder: str, model: dict[str, Any]) -> None:
    """Log the final model on a run: `model` has the classes, the names of the files in `folder` that the served model
    reads, and that of an image as an example of the input.
    """
    import mlflow
    import pandas as pd
    from mlflow.models import infer_signature

    mlflow.set_tracking_uri(os.environ["MLFLOW_TRACKING_URI"])
    mlflow.set_experiment(experiment_id=tracker.get_run(run).info.experiment_id)
    classes = model["classes"]
    example = pd.DataFrame({"image": [storage.find_bytes(storage.join(folder, model["example"]))]})
    output = pd.DataFrame([[1 / len(classes)] * len(classes)], columns=classes)
    package = Path(__file__).parents[1]
    with tempfile.TemporaryDirectory() as temporary:
        paths = {}
        for name in model["files"]:
            path = Path(temporary, name)
            path.write_bytes(storage.find_bytes(storage.join(folder, name)))
            paths[path.stem] = str(path)
        with mlflow.start_run(run_id=run):
            mlflow.pyfunc.log_model(
                name="model",
                python_model=str(package / "serving" / "mlflow_model.py"),
                artifacts=paths,
                code_paths=[str(package)],
                signature=infer_signature(example, output),
                pip_requirements=[f"{name}=={metadata.version(name)}" for name in SERVING_PACKAGES],
            )
    tracker.update_run(run, status="RUNNING")  # leaving the block has closed it


def _log_dataset(tracker: Any, run: str, dataset: dict[str, str]) -> None:
    from mlflow.entities import Dataset, DatasetInput

    entity = Dataset(dataset["name"], dataset["digest"], "kindred", dataset["source"])
    tracker.log_inputs(run, [DatasetInput(entity, [])])


def _log_file(tracker: Any, run: str, name: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary, name)
        path.write_bytes(content)
        tracker.log_artifact(run, str(path))


def _parent(folder: str) -> str | None:
    return (storage.find_json(storage.join(folder, file_names.RUN)) or {}).get("mlflow_run_id")


def _child(tracker: Any, parent: str, name: str, started: float, tags: dict[str, str]) -> str:
    experiment = tracker.get_run(parent).info.experiment_id
    tags = {"mlflow.parentRunId": parent, **tags}
    return tracker.create_run(experiment, start_time=int(started * 1000), run_name=name, tags=tags).info.run_id


def _log(
    tracker: Any,
    run: str,
    figures: dict[str, float],
    params: dict[str, Any],
    steps: dict[str, list[tuple[int, float]]] | None = None,
) -> None:
    """In batches: one by one takes ten times as long. MLflow's names hold no more than letters, digits and `_-./ `."""
    from mlflow.entities import Metric, Param

    now = int(time.time() * 1000)
    metrics = [Metric(name, float(value), now, 0) for name, value in figures.items()]
    metrics += [
        Metric(name, float(value), now, int(step)) for name, way in (steps or {}).items() for step, value in way
    ]
    values = [Param(name, str(value)[:6000]) for name, value in params.items()]
    for i in range(0, max(len(metrics), len(values)), 100):
        tracker.log_batch(run, metrics[i : i + 100], values[i : i + 100])
