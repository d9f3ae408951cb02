"""MLflow's model registry: the version of the registered model that is served."""

import os

from kindred.runtime import preflight, storage, tracking
from kindred.runtime.errors import InputError

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
    if not client.search_registered_models(f"name = '{MODEL}'"):
        client.create_registered_model(MODEL)
    versions = client.search_model_versions(f"name = '{MODEL}' and run_id = '{run_id}'")
    if versions:
        version = versions[0].version
    else:
        version = client.create_model_version(MODEL, models[0].model_uri, run_id, model_id=models[0].model_id).version
    try:
        before = str(client.get_model_version_by_alias(MODEL, CHAMPION).version)
    except MlflowException:  # the first
        before = None
    set_champion(str(version))
    return str(version), before


def set_champion(version: str | None) -> None:
    """Give the alias CHAMPION to a version of MODEL, or to none."""
    if version is None:
        tracking.client().delete_registered_model_alias(MODEL, CHAMPION)
    else:
        tracking.client().set_registered_model_alias(MODEL, CHAMPION, version)
