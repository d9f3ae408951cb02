"""A run's first step: what MLflow is told of it."""

import pytest

from kindred.runtime import file_names, run_lifecycle, storage, tracking


@pytest.fixture
def told(tmp_path, monkeypatch) -> dict:
    """The tags of the last MLflow run that was started."""
    found: dict = {}
    monkeypatch.setenv("KINDRED_DATA", str(tmp_path))
    monkeypatch.setattr(tracking, "start_run", lambda dag, name, params, tags: found.update(tags) or "id")
    monkeypatch.setattr(tracking, "resume_run", lambda run: found.update(resumed=run))
    return found


def test_runs_are_tagged_with_what_they_are_compared_by(told) -> None:
    params = {"dataset": "digits", "extractor": "pixels", "classifier": "neural_network", "labeller": "consensus"}

    run_lifecycle.open_run(
        "self_training", "one", {**params, "labels": 100, "labels_per_class": None, "run_name": None}
    )

    assert params.items() <= told.items()
    assert told["labels"] == "100"


@pytest.mark.parametrize(
    ("labels", "per_class", "tag"), [(None, None, "all"), (50, None, "50"), (None, 10, "10 per class")]
)
def test_the_label_budget_is_a_tag(told, labels, per_class, tag) -> None:
    run_lifecycle.open_run("self_training", "one", {"labels": labels, "labels_per_class": per_class})

    assert told["labels"] == tag


def test_a_dag_without_labels_has_no_such_tag(told) -> None:
    run_lifecycle.open_run("predict", "one", {"run": "first", "images": "pictures"})

    assert "labels" not in told


def test_a_run_with_the_same_values_is_resumed(told) -> None:
    first = run_lifecycle.open_run("predict", "one", {"run": "first"})

    assert run_lifecycle.open_run("predict", "one", {"run": "first"}) == first
    assert told["resumed"] == "id"
    assert storage.find_json(storage.join(first, file_names.RUN))["params"] == {"run": "first"}
