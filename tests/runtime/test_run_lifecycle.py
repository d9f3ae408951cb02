"""A run's first step: what MLflow gets of it."""

import pytest

from kindred.runtime import file_names, run_lifecycle, storage, tracking


@pytest.fixture
def tags(tmp_path, monkeypatch) -> dict:
    """The tags of the last MLflow run that was started."""
    logged: dict = {}
    monkeypatch.setenv("KINDRED_DATA", str(tmp_path))
    monkeypatch.setattr(tracking, "start_run", lambda dag, name, params, tags: logged.update(tags) or "id")
    monkeypatch.setattr(tracking, "resume_run", lambda run: logged.update(resumed=run))
    return logged


def test_runs_are_tagged_with_what_they_are_compared_by(tags) -> None:
    params = {"dataset": "digits", "extractor": "pixels", "classifier": "neural_network", "labeller": "consensus"}

    run_lifecycle.open_run(
        "self_training", "one", {**params, "labels": 100, "labels_per_class": None, "run_name": None}
    )

    assert params.items() <= tags.items()
    assert tags["labels"] == "100"


@pytest.mark.parametrize(
    ("labels", "per_class", "tag"), [(None, None, "all"), (50, None, "50"), (None, 10, "10 per class")]
)
def test_the_label_budget_is_a_tag(tags, labels, per_class, tag) -> None:
    run_lifecycle.open_run("self_training", "one", {"labels": labels, "labels_per_class": per_class})

    assert tags["labels"] == tag


def test_a_dag_without_labels_has_no_such_tag(tags) -> None:
    run_lifecycle.open_run("predict", "one", {"run": "first", "images": "pictures"})

    assert "labels" not in tags


def test_a_run_with_the_same_values_is_resumed(tags) -> None:
    first = run_lifecycle.open_run("predict", "one", {"run": "first"})

    assert run_lifecycle.open_run("predict", "one", {"run": "first"}) == first
    assert tags["resumed"] == "id"
    assert storage.find_json(storage.join(first, file_names.RUN))["params"] == {"run": "first"}
