"""A run's first step: what MLflow gets of it."""

import logging
import time
from datetime import datetime

import pytest

from kindred.runtime import file_names, outcomes, run_folders, run_lifecycle, run_state, runs, storage, tracking
from kindred.runtime.errors import InputError
from kindred.runtime.outcomes import Outcome


@pytest.fixture
def tags(tmp_path, monkeypatch) -> dict:
    """The tags of the last MLflow run that was started."""
    logged: dict = {}
    monkeypatch.setenv("KINDRED_DATA", str(tmp_path))
    monkeypatch.setattr(tracking, "start_run", lambda dag, name, params, tags: logged.update(tags) or "id")
    monkeypatch.setattr(tracking, "experiment_of", lambda run: "7")
    monkeypatch.setattr(tracking, "replace_run", lambda run, by: logged.update(replaced=(run, by)))
    monkeypatch.setattr(tracking, "resume_run", lambda run: logged.update(resumed=run))
    return logged


def test_runs_are_tagged_with_what_they_are_compared_by(tags) -> None:
    params = {"dataset": "digits", "extractor": "pixels", "classifier": "neural_network", "labeller": "consensus"}

    run_lifecycle.open_run(
        "self_training", "one", {**params, "labels": 100, "labels_per_class": None, "run_name": None}
    )

    assert params.items() <= tags.items()
    assert tags["labels"] == "100"


def test_mlflow_shows_what_a_run_is_its_source_and_who_has_started_it(tags) -> None:
    run_lifecycle.open_run("self_training", "one", {"dataset": "photos", "extractor": "hog"}, user="ada")

    assert tags["mlflow.note.content"] == "Run `one` of `self_training`: dataset `photos`, extractor `hog`."
    assert (tags["mlflow.user"], tags["mlflow.source.name"]) == ("ada", "dags/self_training.py")


@pytest.mark.parametrize(
    ("labels", "per_class", "tag"), [(None, None, "all"), (50, None, "50"), (None, 10, "10 per class")]
)
def test_the_label_budget_is_a_tag(tags, labels, per_class, tag) -> None:
    run_lifecycle.open_run("self_training", "one", {"labels": labels, "labels_per_class": per_class})

    assert tags["labels"] == tag


def test_the_default_budget_of_a_dataset_is_the_tag_where_the_params_name_no_number(tags) -> None:
    run_lifecycle.open_run("self_training", "one", {"dataset": "digits", "labels": None, "labels_per_class": None})

    assert tags["labels"] == "10 per class"


def test_a_dag_without_labels_has_no_such_tag(tags) -> None:
    run_lifecycle.open_run("predict", "one", {"run": "first", "images": "pictures"})

    assert "labels" not in tags


def test_a_run_with_the_same_values_is_resumed(tags) -> None:
    first = run_lifecycle.open_run("predict", "one", {"run": "first"})

    assert run_lifecycle.open_run("predict", "one", {"run": "first"}) == first
    assert tags["resumed"] == "id"
    assert storage.find_json(storage.join(first, file_names.RUN))["params"] == {"run": "first"}


def test_a_run_names_what_a_stage_has_taken_for_auto(tags, monkeypatch) -> None:
    params = {"dataset": "digits", "extractor": "auto", "weights": "imagenet"}
    folder = run_lifecycle.open_run("self_training", "one", params)
    mark = {"stage": "featurize", "attempt": "1", "arguments": {"extractor": "pixels", "weights": "imagenet"}}
    storage.put_json(storage.join(folder, "featurize", file_names.MARK), mark)
    monkeypatch.setattr(tracking, "set_tags", lambda run, added: tags.update(added))

    run_lifecycle.resolve(folder, "featurize")

    record = runs.record_of(folder) or {}
    assert record["params"] == params
    assert record["resolved"] == {"extractor": "pixels"}
    assert runs.params_of(folder) == {**params, "extractor": "pixels"}
    assert tags["extractor"] == record["tags"]["extractor"] == "pixels"
    assert tags["mlflow.note.content"] == "Run `one` of `self_training`: dataset `digits`, extractor `pixels`."
    run_lifecycle.open_run("self_training", "one", params)
    assert tags["resumed"] == "id"
    assert runs.record_of(folder) == record
    run_lifecycle.open_run("self_training", "one", {**params, "extractor": "hog"})
    assert runs.params_of(folder)["extractor"] == "hog"


def test_a_run_keeps_when_it_was_opened_and_the_defaults_of_its_form(tags) -> None:
    folder = run_lifecycle.open_run("predict", "one", {"run": "first"}, defaults={"run": ""})

    record = runs.record_of(folder) or {}
    assert record["defaults"] == {"run": ""}
    assert abs(datetime.fromisoformat(record["opened"]).timestamp() - time.time()) < 60


def test_a_run_is_in_progress_from_its_first_to_its_last_step(tags, monkeypatch) -> None:
    monkeypatch.setattr(tracking, "end_run", lambda *arguments: None)
    states = []
    for succeeded in (False, True):
        folder = run_lifecycle.open_run("predict", "one", {"run": "first"}, holder="tree")
        states.append(run_folders.read(folder).state(lambda name: name == "tree"))
        states.append(run_folders.read(folder).state(lambda name: False))
        run_lifecycle.close_run(folder, succeeded)
        states.append(run_folders.read(folder).state(lambda name: True))

    assert states == ["in progress", "stopped", "failed", "in progress", "stopped", "finished"]
    assert 0 <= run_folders.read(folder).seconds() < 60


@pytest.mark.parametrize(("hours", "state"), [(1, "in progress"), (25, "stopped")])
def test_where_processes_cannot_be_seen_a_run_is_in_progress_for_a_day(tags, hours: int, state: str) -> None:
    folder = run_lifecycle.open_run("predict", "one", {"run": "first"})
    began = time.strftime(run_state.FORMAT, time.gmtime(time.time() - hours * 3600))
    put = storage.read_json(storage.join(folder, file_names.STATE))
    storage.put_json(storage.join(folder, file_names.STATE), {**put, "opened": began})

    assert run_folders.read(folder).state(lambda name: None) == state


def test_the_state_of_an_older_run_is_that_of_its_files(tags) -> None:
    folder = run_lifecycle.open_run("predict", "one", {"run": "first"})
    storage.delete(storage.join(folder, file_names.STATE))
    states = [run_folders.read(folder).state(lambda name: None)]
    storage.put_json(storage.join(folder, file_names.METRICS), {})
    states.append(run_folders.read(folder).state(lambda name: None))
    outcomes.put(folder, "predict", Outcome(outcomes.FAILED, "no memory"))
    states.append(run_folders.read(folder).state(lambda name: None))

    assert states == ["stopped", "finished", "failed"]


def put_mark(run: str, stage: str, arguments: dict, inputs: dict) -> None:
    storage.put_json(storage.join(run, stage, file_names.MARK), {"arguments": arguments, "inputs": inputs})


def test_a_run_keeps_what_its_links_lead_to(tags) -> None:
    run = run_lifecycle.open_run("predict", "one", {"run": "first"})

    record = runs.record_of(run)
    assert record is not None
    assert (record["mlflow_run_id"], record["mlflow_experiment_id"]) == ("id", "7")


def test_other_values_for_the_same_run_are_named_with_the_stages_that_are_made_again(tags, caplog) -> None:
    before, now = {"threshold": 0.9, "folds": 5, "seed": 0}, {"threshold": 0.8, "folds": 5, "leaks": "drop"}
    run = run_lifecycle.open_run("self_training", "one", before)
    put_mark(run, "ingest", {"dataset": "digits"}, {})
    put_mark(run, "train_base", {"folds": 5}, {"ingest": "1"})
    put_mark(run, "gate", {}, {"train_final": "4"})
    put_mark(run, "pseudo_label", {"threshold": 0.9}, {"train_base": "2"})
    put_mark(run, "train_final", {"folds": 5}, {"pseudo_label": "3", "train_base": "2"})

    with caplog.at_level(logging.INFO):
        again = run_lifecycle.open_run("self_training", "two", {**now, "run_name": "one"})

    assert again == run
    assert caplog.messages == [
        '[kindred] open_run: leaks (none) -> "drop", seed 0 -> (none), threshold 0.9 -> 0.8: '
        "makes again pseudo_label, train_final, gate"
    ]
    assert runs.params_of(run) == now
    assert tags["replaced"] == ("id", "id")


def test_a_run_whose_file_is_broken_is_opened_anew_and_says_so(tags, caplog) -> None:
    run = run_lifecycle.open_run("predict", "one", {"run": "first"})
    for content in (b"", b"{", b"[]", b"\xff\x00", b'{"format": 99, "params": {}}'):
        storage.put_bytes(storage.join(run, file_names.RUN), content)
        caplog.clear()

        with caplog.at_level(logging.INFO):
            assert run_lifecycle.open_run("predict", "one", {"run": "first"}) == run

        assert len(caplog.messages) == 1
        assert "run.json cannot be read, " in caplog.text
        assert "made again, with another MLflow run" in caplog.text
        assert runs.params_of(run) == {"run": "first"}
    assert "resumed" not in tags


def test_a_run_that_mlflow_no_longer_has_is_opened_anew_and_says_so(tags, caplog, monkeypatch) -> None:
    def gone(run: str) -> None:
        raise InputError(f"MLflow has no run {run!r}")

    run_lifecycle.open_run("predict", "one", {"run": "first"})
    monkeypatch.setattr(tracking, "resume_run", gone)
    monkeypatch.setattr(tracking, "start_run", lambda dag, name, params, tags: "another")

    with caplog.at_level(logging.INFO):
        run = run_lifecycle.open_run("predict", "one", {"run": "first"})

    assert (runs.record_of(run) or {})["mlflow_run_id"] == "another"
    assert "MLflow has no run 'id': made again" in caplog.text
    assert "replaced" not in tags


def test_a_run_of_a_project_names_it_and_its_file_as_the_source(tags) -> None:
    folder = run_lifecycle.open_run("retrain_birds", "one", {"seed": 1})
    source = tags["mlflow.source.name"]
    other = run_lifecycle.open_run("self_training", "one", {"seed": 1})

    assert (runs.record_of(folder)["project"], source) == ("birds", "projects/birds.json")
    assert "project" not in runs.record_of(other)
