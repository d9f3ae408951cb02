"""Where runs lie, what they are called, and the files of their stages."""

from pathlib import Path

import pytest

from kindred.runtime import runs, storage
from kindred.runtime.errors import InputError


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("first", "first"),
        ("manual__2026-01-01T10:00:00+00:00", "manual__2026-01-01T10-00-00-00-00"),
        ("a b/c", "a-b-c"),
        ("../../etc", "etc"),
        ("x" * 300, "x" * 120),
    ],
)
def test_a_run_is_named_so_that_spark_can_read_its_folder(name: str, folder: str) -> None:
    assert runs.slug(name) == folder


@pytest.mark.parametrize("name", ["", "..", "::", "_hidden"])
def test_a_name_that_gives_no_folder_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="a run cannot be named"):
        runs.slug(name)


def test_a_run_lies_below_kindred_data(data: Path) -> None:
    assert runs.run_folder("self_training", "a:b") == f"file://{data}/runs/self_training/a-b"


def test_an_unknown_run_is_named_with_the_known_ones() -> None:
    for name in ("first", "second"):
        storage.put_json(storage.join(runs.run_folder("self_training", name), "run.json"), {})

    folder = runs.find_run("first", "self_training")

    assert folder == runs.run_folder("self_training", "first")
    with pytest.raises(InputError, match="no run 'third' .* known: first, second"):
        runs.find_run("third", "self_training")


def test_the_cache_must_be_local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINDRED_DATA", "s3a://bucket/kindred")

    with pytest.raises(InputError, match="set KINDRED_CACHE"):
        runs.cache_folder("graphs")


def test_the_files_of_a_runs_stages_are_found_in_two_levels(data: Path) -> None:
    run = runs.run_folder("label_propagation", "first")
    for stage in ("ingest", "cell/all", "cell/random-500", "ingest/00000000000000000001-00000000"):
        storage.put_json(storage.join(run, stage, "_DONE.json"), {"of": stage})
    storage.put_json(storage.join(run, "run.json"), {})

    assert sorted(runs.stages_with(run, "_DONE.json")) == ["cell/all", "cell/random-500", "ingest"]


def test_a_run_that_is_not_there_has_no_files(data: Path) -> None:
    assert runs.stages_with(runs.run_folder("self_training", "none"), "_DONE.json") == []


def test_a_run_of_a_dag_that_has_another_name_now_is_found_by_the_earlier_one(data) -> None:
    storage.put_json(runs.run_folder("published", "old-ours") + "/run.json", {"dag_id": "published"})

    assert runs.find_run("published/old-ours") == runs.run_folder("published", "old-ours")
