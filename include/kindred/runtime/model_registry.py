"""MLflow's model registry: the version of the registered model that is served."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from kindred.runtime import preflight, storage, tracking
from kindred.runtime.errors import InputError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel

MODEL, CHAMPION = "kindred", "champion"  # the registered model, and the alias of the version that is served


def version_of(folder: str) -> str:
    """The version of MODEL that the final model of a DAG run is, which is registered where it is not yet. Raises
    InputError for a run without a logged model.
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
    return _version(client, run_id or "", models[0])


def check_version(version: str, run: str) -> None:
    """Raise InputError where MLflow does not have this version of MODEL any more, which is of the run of this name."""
    from mlflow.exceptions import MlflowException

    preflight.check_tracking()
    try:
        tracking.client().get_model_version(MODEL, version)
    except MlflowException:
        server = os.environ["MLFLOW_TRACKING_URI"]
        reason = f"MLflow at {server} has no version {version} of the model {MODEL}"
        raise InputError(f"{reason}; `make promote RUN={run}` registers the run's model again") from None


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


def set_champion(version: str, tags: Mapping[str, str], description: str) -> None:
    """Give the alias CHAMPION to a version of MODEL, with tags and a description that say why."""
    client = tracking.client()
    for name, text in tags.items():
        client.set_model_version_tag(MODEL, version, name, text[: tracking.MAX_TAG_CHARACTERS])
    client.update_model_version(MODEL, version, description)
    client.set_registered_model_alias(MODEL, CHAMPION, version)
