"""A run's part of MLflow goes for good, and nothing of other runs, nor of MLflow's bin."""

from pathlib import Path

import pytest

from kindred.runtime import model_registry, storage, tracking, tracking_deletion

pytestmark = pytest.mark.slow


@pytest.fixture
def artifacts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of MLflow's artefacts."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.setenv("KINDRED_ARTIFACTS", storage.uri(str(tmp_path / "artifacts")))
    return tmp_path / "artifacts"


def make_run(name: str) -> tuple[str, str]:
    """A run with an artefact and a registered model, a run below it, and one below that; its id and the model's."""
    import mlflow

    client, parent = tracking.client(), tracking.start_run("self_training", name, {}, {})
    experiment = client.get_run(parent).info.experiment_id
    mlflow.set_tracking_uri(tracking.os.environ["MLFLOW_TRACKING_URI"])
    child = tracking._child(client, parent, "gate", 0, {})
    fold = tracking._child(client, child, "gate fold 0", 0, {})
    for run in (parent, child, fold):
        client.log_text(run, "page", "report.html")
    model = mlflow.initialize_logged_model("model", source_run_id=parent, experiment_id=experiment)
    folder = Path(storage.local(model.artifact_location))
    folder.mkdir(parents=True)
    (folder / "MLmodel").write_text("model")
    mlflow.finalize_logged_model(model.model_id, "READY")
    return parent, model.model_id


def test_exactly_the_run_all_below_it_and_what_it_replaced_go(artifacts: Path) -> None:
    (gone, gone_model), (before, _), (kept, kept_model), (binned, _) = map(make_run, ("gone", "before", "kept", "bin"))
    client = tracking.client()
    tracking.replace_run(before, gone)
    client.delete_run(binned)
    for run in (gone, kept):
        folder = storage.uri(str(artifacts.parent / run))
        storage.put_json(f"{folder}/run.json", {"mlflow_run_id": run})
        model_registry.set_champion(model_registry.version_of(folder), {}, "")
    kept_files = sorted(path for path in artifacts.rglob("*") if kept in str(path) or kept_model in str(path))

    is_champion = {run: tracking_deletion.is_champion(run) for run in (gone, kept)}
    count, size = tracking_deletion.delete(gone)

    assert is_champion == {gone: False, kept: True}
    assert (count, size) == (6, 6 * len("page") + 2 * len("model"))
    assert tracking_deletion.delete(gone) == (0, 0)
    experiment = client.get_run(kept).info.experiment_id
    assert {run.info.run_name for run in client.search_runs([experiment], run_view_type=3)} == {
        *("kept", "gate", "gate fold 0", "bin"),
    }
    assert [model.model_id for model in client.search_logged_models([experiment], f"source_run_id = '{kept}'")] == [
        kept_model
    ]
    assert [version.run_id for version in client.search_model_versions(f"name = '{model_registry.MODEL}'")] == [kept]
    assert client.get_run(binned).info.lifecycle_stage == "deleted"
    assert (artifacts / binned / "artifacts" / "report.html").exists()
    left = [
        path.name
        for path in artifacts.rglob("*")
        if gone in path.name or before in path.name or gone_model in path.name
    ]
    assert left == []
    assert [path for path in kept_files if not path.exists()] == []


def test_an_address_that_is_not_the_runs_own_is_left_alone(artifacts: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "photo").write_text("mine")
    (artifacts / "abc").mkdir(parents=True)
    (artifacts / "abc" / "artifacts").symlink_to(mine)

    sizes = [
        tracking_deletion._delete_artifacts(storage.uri(str(mine)), "abc"),
        tracking_deletion._delete_artifacts(storage.uri(str(artifacts / "abc" / "artifacts")), "abc"),
    ]

    assert sizes == [0, 0]
    assert (mine / "photo").read_text() == "mine"
