"""MLflow's model registry: the version of the registered model that is served."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kindred.runtime import preflight, storage, tracking
from kindred.runtime.errors import InputError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel

MODEL, CHAMPION = "kindred", "champion"  # the registered model, and the alias of the version that is served


def promote(folder: str) -> tuple[str, str | None]:
    """Give the alias CHAMPION to the final model of a DAG run, which is registered as a version of MODEL where it is
    not yet: the version, and the one that had the alias. Raises InputError for a run without a logged model.
    """
    from mlflow.exceptions import MlflowException

    preflight.check_tracking()
    client, run_id = tracking.client(), tracking.run_id_of(folder)
    try:
        run = client.get_run(run_id or "")
    except MlflowException:
        server = os.environ["MLFLOW_TRACKING_URI"]
        reason = f"MLflow at {server} has no run of {storage.local(folder)}"
        raise InputError(f"{reason}; promote it where it was made") from None
    models = client.search_logged_models([run.info.experiment_id], f"source_run_id = '{run_id}'")
    if not models:
        raise InputError(f"the run {run.info.run_name!r} has no model in MLflow; its stage gate logs one")
    version = _version(client, run_id or "", models[0])
    try:
        before = str(client.get_model_version_by_alias(MODEL, CHAMPION).version)
    except MlflowException:  # the first
        before = None
    set_champion(version)
    return version, before


def _version(client: MlflowClient, run_id: str, model: LoggedModel) -> str:
    """The version of MODEL that a run's model is, which is made where there is none yet. Of versions that several
    callers make at the same time the first stays.
    """
    from mlflow.exceptions import MlflowException

    def versions() -> list[str]:
        found = client.search_model_versions(f"name = '{MODEL}' and run_id = '{run_id}'")
        return sorted((str(version.version) for version in found), key=int)

    if not client.search_registered_models(f"name = '{MODEL}'"):
        try:
            client.create_registered_model(MODEL)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":  # another caller made it in the meantime
                raise
    if known := versions():
        return known[0]
    made = str(client.create_model_version(MODEL, model.model_uri, run_id, model_id=model.model_id).version)
    first = versions()[0]
    if first != made:
        client.delete_model_version(MODEL, made)
    return first


def set_champion(version: str | None) -> None:
    """Give the alias CHAMPION to a version of MODEL, or to none."""
    if version is None:
        tracking.client().delete_registered_model_alias(MODEL, CHAMPION)
    else:
        tracking.client().set_registered_model_alias(MODEL, CHAMPION, version)
