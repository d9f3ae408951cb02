"""Finished runs to promote, and a registry in MLflow's place."""

import pytest

import bundles
from kindred.runtime import file_names, model_registry, runs, stages, storage
from kindred.serving import bundle


@pytest.fixture
def finished(data):
    """Makes finished runs, each with a bundle of so many images."""

    def make(name: str, gallery: int = 20) -> str:
        run = runs.run_folder("self_training", name)
        folder = storage.join(run, stages.BUILD_INDEX, "attempt")
        place = data / "runs" / "self_training" / name / stages.BUILD_INDEX / "attempt"
        bundles.make(place, gallery, origins={0: f"file:///photos/{name}.jpg"}, words=True)
        features = {"attempt": "features-1"}
        mark = {"attempt": "attempt", "inputs": {"featurize": "features-1"}, "folder": folder}
        mark["facts"] = {"folder": storage.join(folder, bundle.VECTORS)}
        storage.put_json(storage.join(run, "featurize", file_names.MARK), features)
        storage.put_json(storage.join(run, stages.BUILD_INDEX, file_names.MARK), mark)
        storage.put_json(storage.join(run, stages.EVALUATE, file_names.MARK), {"attempt": "1"})
        return run

    return make


@pytest.fixture
def aliases(monkeypatch) -> list:
    """The model versions that got the alias, instead of MLflow's."""
    versions = [None]
    monkeypatch.setattr(model_registry, "version_of", lambda run: f"of {run.rsplit('/', 1)[1]}")
    monkeypatch.setattr(model_registry, "check_version", lambda version, run: None)
    monkeypatch.setattr(model_registry, "set_champion", lambda version, tags, text: versions.append(version))
    return versions
