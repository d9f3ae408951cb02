"""Which version of the registered model is served."""

import pytest

from kindred.runtime import model_registry, storage, tracking
from kindred.runtime.errors import InputError

pytestmark = pytest.mark.slow


def test_the_promoted_model_is_registered_once_and_has_the_alias(tmp_path, monkeypatch) -> None:
    import mlflow

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.setenv("KINDRED_ARTIFACTS", storage.uri(str(tmp_path / "artifacts")))
    folders = []
    for name in ("one", "two", "without"):
        folders.append(storage.uri(str(tmp_path / name)))
        parent = tracking.start_run("self_training", name, {}, {})
        storage.put_json(storage.join(folders[-1], "run.json"), {"mlflow_run_id": parent})
        if name != "without":
            experiment = tracking.client().get_run(parent).info.experiment_id
            mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
            mlflow.initialize_logged_model("model", source_run_id=parent, experiment_id=experiment)
            mlflow.finalize_logged_model(
                tracking.client().search_logged_models([experiment], f"source_run_id = '{parent}'")[0].model_id, "READY"
            )

    promoted = [model_registry.promote(folders[number]) for number in (0, 1, 0)]

    client = tracking.client()
    assert promoted == [("1", None), ("2", "1"), ("1", "2")]
    assert str(client.get_model_version_by_alias(model_registry.MODEL, model_registry.CHAMPION).version) == "1"
    with pytest.raises(InputError, match="the run 'without' has no model in MLflow"):
        model_registry.promote(folders[2])
    storage.put_json(storage.join(folders[2], "run.json"), {"mlflow_run_id": "0" * 32})
    with pytest.raises(InputError, match="has no run of .*without; promote it where it was made"):
        model_registry.promote(folders[2])
    model_registry.set_champion(None)
    assert client.get_registered_model(model_registry.MODEL).aliases == {}
