"""A run's part of MLflow deleted for good: its runs, their artefacts, its models and their registered versions.

`mlflow gc` does that with what is deleted, but also empties the rest of MLflow's bin, whoever has put it there. Where
MLflow is a server, its database is out of reach: there the artefacts go, and the rows wait in the bin for `mlflow gc`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from kindred.runtime import file_sizes, model_registry, tracking
from kindred.runtime.tracking import REPLACED

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

PAGE = 1000  # runs in one answer


def is_champion(run_id: str) -> bool:
    """Whether the model with MLflow's alias `champion` is of this run."""
    from mlflow.exceptions import MlflowException

    try:
        version = tracking.client().get_model_version_by_alias(model_registry.MODEL, model_registry.CHAMPION)
    except MlflowException:
        return False
    return bool(version.run_id == run_id)


def delete(run_id: str) -> tuple[int, int]:
    """Delete the parent run with this id, those that it has replaced, and all below them; how many runs there were, and
    the bytes of their artefacts where these lie on this machine. The parent goes last, so a second try finds the rest.
    """
    tracker = tracking.client()
    newest = _find(tracker, run_id)
    count, size = 0, 0
    for parent in _with_replaced(tracker, newest) if newest else ():
        size += _delete_models(tracker, parent)
        for run in [*_below(tracker, parent), parent]:
            size += _delete_artifacts(run.info.artifact_uri, run.info.run_id)
            _delete_run(tracker, run)
            count += 1
    return count, size


def _find(tracker: MlflowClient, run_id: str) -> Run | None:
    from mlflow.exceptions import MlflowException

    try:
        return tracker.get_run(run_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None


def _with_replaced(tracker: MlflowClient, run: Run) -> Iterator[Run]:
    """A parent run after all those that had its folder before."""
    for older in _tagged(tracker, run.info.experiment_id, REPLACED, run.info.run_id):
        yield from _with_replaced(tracker, older)
    yield run


def _below(tracker: MlflowClient, run: Run) -> Iterator[Run]:
    """The runs below another one, the lowest first."""
    for child in _tagged(tracker, run.info.experiment_id, "mlflow.parentRunId", run.info.run_id):
        yield from _below(tracker, child)
        yield child


def _tagged(tracker: MlflowClient, experiment: str, tag: str, value: str) -> list[Run]:
    """All runs of an experiment with this value of a tag, also those in MLflow's bin."""
    from mlflow.entities import ViewType

    found: list[Run] = []
    token = None
    while True:
        query = f"tags.`{tag}` = '{value}'"
        page = tracker.search_runs([experiment], query, ViewType.ALL, max_results=PAGE, page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def _delete_models(tracker: MlflowClient, run: Run) -> int:
    """Delete the models that a run has logged, and their registered versions; the bytes of their files."""
    size = 0
    for version in tracker.search_model_versions(f"run_id = '{run.info.run_id}'"):
        tracker.delete_model_version(version.name, version.version)
    for model in tracker.search_logged_models([run.info.experiment_id], f"source_run_id = '{run.info.run_id}'"):
        size += _delete_artifacts(model.artifact_location, model.model_id)
        tracker.delete_logged_model(model.model_id)
        if hasattr(_store(tracker), "_hard_delete_logged_model"):
            _store(tracker)._hard_delete_logged_model(model.model_id)
    return size


def _delete_artifacts(address: str, owner: str) -> int:
    """Delete the folder of artefacts that belongs to the run or model `owner`; its bytes where they are on this
    machine. An address without the owner's id is of something else, and is left alone.
    """
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    if owner not in address:
        return 0
    local = Path(unquote(address.removeprefix("file://"))) if address.startswith("file:///") else None
    if local is not None and any(place.is_symlink() for place in (local, local.parent)):
        return 0
    size = file_sizes.of_paths([local]) if local is not None else 0
    repository: Any = get_artifact_repository(address)
    repository.delete_artifacts()
    if local is not None and local.parent.name == owner and local.parent.is_dir() and not any(local.parent.iterdir()):
        local.parent.rmdir()
    return size


def _delete_run(tracker: MlflowClient, run: Run) -> None:
    store = _store(tracker)
    if hasattr(store, "_hard_delete_run"):
        store._hard_delete_run(run.info.run_id)
    elif run.info.lifecycle_stage == "active":
        tracker.delete_run(run.info.run_id)


def _store(tracker: MlflowClient) -> Any:
    """What the client works on: MLflow's database, which `mlflow gc` uses in the same way, or a server."""
    return tracker._tracking_client.store
