"""The head of a run's page: when it ran, how, and where its other pages are."""

from typing import Any

import pytest

from kindred.report import page_head
from kindred.report.html_page import Link
from kindred.runtime import runs, storage
from kindred.runtime.run_reader import RunReader

PARAMS = {"dataset": "digits", "extractor": "pixels", "folds": 5, "seed": 3, "limit": None}
DEFAULTS = {"dataset": "digits", "extractor": "hog", "folds": 5, "seed": 0, "limit": None}
ATTEMPT = f"{1_700_000_000 * 10**9:020d}-00000000"  # begun on 2023-11-14


@pytest.fixture
def reader(tmp_path, monkeypatch) -> RunReader:
    """A run with two stages: its own, and one that was reused."""
    monkeypatch.setenv("KINDRED_DATA", str(tmp_path))
    folder = runs.run_folder("self_training", "first")
    for stage, reused, seconds in (("ingest", 1, 30.0), ("choose_labels", 0, 61.0)):
        figures = {f"{stage}/reused": reused, f"{stage}/seconds": seconds, f"{stage}/labels": 1234}
        mark = {"attempt": ATTEMPT, "figures": figures}
        storage.put_json(storage.join(folder, stage, "_DONE.json"), mark)
    return RunReader(folder, "report")


def put_record(reader: RunReader, **record: Any) -> None:
    runs.put_record(reader.run, {"params": PARAMS, "tags": {"kindred.version": "1.2"}, **record})


def test_the_head_says_what_differs_from_the_defaults_when_it_ran_and_where_it_is(reader: RunReader) -> None:
    ids = {"mlflow_run_id": "abc", "mlflow_experiment_id": "7"}
    put_record(reader, defaults=DEFAULTS, opened="2026-11-27T17:11:03Z", **ids)

    assert page_head.facts(reader) == {
        "date": "2026-11-27 17:11 UTC",
        "duration": "61 s (and 30 s of reused work)",
        "version": "Kindred 1.2",
        "dataset": "digits",
        "extractor": "pixels",
        "seed": "3",
        "given labels": "1,234",
        "MLflow run": Link("http://127.0.0.1:5000/#/experiments/7/runs/abc"),
        "search page": "make search RUN=first",
    }


def test_the_head_names_what_auto_has_taken(reader: RunReader) -> None:
    params, defaults = ({**values, "extractor": "auto"} for values in (PARAMS, DEFAULTS))
    put_record(reader, params=params, defaults=defaults, resolved={"extractor": "patch_kmeans"})

    assert page_head.facts(reader)["extractor"] == "patch_kmeans"


def test_a_run_of_before_has_its_main_params_and_the_date_of_its_labels(reader: RunReader) -> None:
    put_record(reader)

    facts = page_head.facts(reader)

    assert facts["date"] == "2023-11-14 22:13 UTC"
    assert [facts[name] for name in ("dataset", "extractor", "folds", "seed")] == ["digits", "pixels", "5", "3"]
    assert "MLflow run" not in facts
