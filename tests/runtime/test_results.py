"""The figures of a run: merged from the marks, told as a table, compared with the published study."""

import pytest

from kindred.runtime import file_names, results, storage, summary_table
from kindred.studies import stl10

FIGURES = {"base/test/accuracy": 0.5, "final/test/accuracy": 0.75, "ingest/leaked": 40, "pseudo/count": 1234}


@pytest.fixture
def run(tmp_path) -> str:
    folder = f"file://{tmp_path}/runs/self_training/r"
    for stage, figures in (("ingest", {"ingest/leaked": 40}), ("evaluate", {"base/test/accuracy": 0.5})):
        mark = {"attempt": "1", "arguments": {}, "inputs": {}, "figures": figures}
        storage.put_json(storage.join(folder, stage, file_names.MARK), mark)
    storage.put_json(storage.join(folder, "run.json"), {})
    return folder


def test_the_figures_of_all_finished_stages_are_merged(run):
    figures = results.merge(run)

    assert figures == {"base/test/accuracy": 0.5, "ingest/leaked": 40}
    assert results.read(run) == figures


def test_the_page_that_a_stage_has_made_lies_beside_the_figures(run):
    attempt = storage.join(run, "report", "1")
    storage.put_bytes(storage.join(attempt, "page.html"), b"<!DOCTYPE html>")
    mark = {"attempt": "1", "folder": attempt, "figures": {}, "facts": {"page": "page.html"}}
    assert results.report(run) == ""

    storage.put_json(storage.join(run, "report", file_names.MARK), mark)
    results.merge(run)

    assert results.report(run) == storage.local(storage.join(run, "report.html"))
    assert storage.find_bytes(storage.join(run, "report.html")) == b"<!DOCTYPE html>"


def test_a_stage_that_has_not_finished_adds_nothing(run, tmp_path):
    (tmp_path / "runs/self_training/r/train_base/00000000000000000001-00000000").mkdir(parents=True)

    assert set(results.merge(run)) == {"base/test/accuracy", "ingest/leaked"}


def test_the_table_shows_base_final_and_their_difference():
    lines = summary_table.table(FIGURES).splitlines()

    assert lines[1].split() == ["test", "accuracy", "0.5000", "0.7500", "+0.2500"]
    assert ["pseudo-labelled", "1,234"] in [line.split()[:2] for line in lines]


def test_where_no_truth_is_known_the_precision_of_pseudo_labels_is_an_estimate():
    estimate = {"pseudo/estimated_precision": 0.9, "pseudo/estimated_precision_low": 0.85}
    estimate |= {"pseudo/estimated_precision_high": 0.95}

    assert summary_table.table(estimate).endswith("90.0%   by estimate (85.0% to 95.0%)")
    known = {**estimate, "pseudo/precision": 0.8, "pseudo/known": 10}
    assert summary_table.table(known).endswith("80.0%   of 10 whose truth is known")


def test_the_study_stands_beside_its_reproduction_and_ours(tmp_path):
    base = f"file://{tmp_path}/runs/published/p"
    scores = {name: 0.9 if name.startswith("final") else 0.8 for name in stl10.PUBLISHED}
    for part in ("reproduced", "ours"):
        storage.put_json(storage.join(f"{base}-{part}", file_names.METRICS), scores)

    text = stl10.compare(f"{base}-reproduced", f"{base}-ours")

    assert text.splitlines()[1].split() == ["base/test/accuracy", "0.6694", "0.8000", "0.8000"]
    assert "published: final - base = -0.0090" in text
    assert "ours: final - base = +0.1000" in text
    assert results.summary(base) == text
