"""Which version of the registered model is served."""

from types import SimpleNamespace

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

    versions = [model_registry.version_of(folders[number]) for number in (0, 1, 0)]
    for version in ("2", "1"):
        model_registry.set_champion(version, {"kindred.promotion_who": "ada"}, "promoted by ada")

    client = tracking.client()
    champion = client.get_model_version_by_alias(model_registry.MODEL, model_registry.CHAMPION)
    assert versions == ["1", "2", "1"]
    assert (str(champion.version), champion.description) == ("1", "promoted by ada")
    assert champion.tags == {"kindred.promotion_who": "ada"}
    model_registry.check_version("2", "self_training/two")
    with pytest.raises(InputError, match="no version 3 of the model kindred; `make promote RUN=self_training/three`"):
        model_registry.check_version("3", "self_training/three")
    with pytest.raises(InputError, match="the run 'without' has no model in MLflow"):
        model_registry.version_of(folders[2])
    storage.put_json(storage.join(folders[2], "run.json"), {"mlflow_run_id": "0" * 32})
    with pytest.raises(InputError, match="has no run of .*without; promote it where it was made"):
        model_registry.version_of(folders[2])


class BusyRegistry:
    """A registry in which another caller registers the model, and the version, a moment before this one."""

    def __init__(self) -> None:
        self.versions: list[int] = []

    def search_registered_models(self, query: str) -> list:
        return []

    def create_registered_model(self, name: str) -> None:
        from mlflow.exceptions import MlflowException
        from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS

        raise MlflowException("it exists", RESOURCE_ALREADY_EXISTS)

    def search_model_versions(self, query: str) -> list[SimpleNamespace]:
        return [SimpleNamespace(version=number) for number in self.versions]

    def create_model_version(self, name: str, source: str, run_id: str, model_id: str) -> SimpleNamespace:
        self.versions = [9, 10]
        return SimpleNamespace(version=10)

    def delete_model_version(self, name: str, version: str) -> None:
        self.versions.remove(int(version))


def test_two_who_promote_a_run_at_the_same_time_make_one_version_of_it() -> None:
    registry = BusyRegistry()

    version = model_registry._version(registry, "abc", SimpleNamespace(model_uri="models:/m", model_id="m"))

    assert version == "9"
    assert registry.versions == [9]
