"""Addresses in marks and other records: they follow what is moved, or copied."""

import shutil
from pathlib import Path

import pytest

from kindred.runtime import addresses, file_names, marks, runs, storage

DATASET = "datasets/digits-12ab34cd56ef"


def own_mark(data: str) -> dict:
    """The mark of a stage of a run, which has adopted a table of another and names a user's files."""
    attempt = "00000000000000000002-00000000"
    folder = f"{data}/runs/self_training/first/gate/{attempt}"
    return {
        **{"stage": "gate", "attempt": attempt, "folder": folder, "summary": "", "inputs": {"ingest": "1"}},
        "arguments": {"path": "file:///photos", "run": f"{data}/runs/self_training/other"},
        "tables": {"predictions_final": f"{data}/runs/self_training/first/train_final/1/predictions_candidate"},
        "files": {folder: {"network.npz": 5}},
        "figures": {},
        "facts": {"classes": ["{data}/x", "{run}", "{}", "{}{run}", "{other}"], "images": f"{data}/{DATASET}/ingest"},
    }


def shared_mark(data: str) -> dict:
    """The mark of the work of a dataset."""
    folder = f"{data}/{DATASET}/ingest/00000000000000000001-00000000"
    return {
        **{"stage": "ingest", "attempt": folder.rsplit("/", 1)[1], "folder": folder, "summary": ""},
        **{"arguments": {}, "inputs": {}, "figures": {}, "facts": {}, "tables": {"images": f"{folder}/images"}},
    }


def put_old(folder: str, mark: dict) -> None:
    """As an older version did: with whole addresses."""
    storage.put_json(storage.join(folder, file_names.MARK), mark)


@pytest.fixture
def root(data: Path) -> str:
    return storage.uri(str(data))


def test_a_mark_is_read_as_it_was_put(root: str) -> None:
    own, shared = f"{root}/runs/self_training/first/gate", f"{root}/{DATASET}/ingest"
    marks.put(own, own_mark(root))
    marks.put(shared, shared_mark(root))

    assert marks.mark_of(own) == own_mark(root)
    assert marks.mark_of(shared) == shared_mark(root)


def test_a_stored_mark_names_no_folder_of_this_machine(root: str) -> None:
    for place, mark in (("runs/self_training/first/gate", own_mark(root)), (f"{DATASET}/ingest", shared_mark(root))):
        marks.put(f"{root}/{place}", mark)

        assert storage.local(root) not in storage.read_bytes(f"{root}/{place}/{file_names.MARK}").decode()


@pytest.mark.parametrize("put", [marks.put, put_old], ids=["now", "an older version"])
@pytest.mark.parametrize("original", ["gone", "another's", "there"])
def test_marks_of_a_folder_that_was_moved_or_copied_name_what_is_there_now(root: str, put, original, tmp_path) -> None:
    own, shared = f"{root}/runs/self_training/first/gate", f"{root}/{DATASET}/ingest"
    put(own, own_mark(root))
    put(shared, shared_mark(root))
    put(f"{root}/runs/self_training/first/ingest", shared_mark(root))

    moved = f"file://{tmp_path}/elsewhere/data [2]"
    shutil.copytree(storage.local(root), storage.local(moved))
    if original != "there":
        shutil.rmtree(storage.local(root))
    if original == "another's":
        marks.put(shared, {**shared_mark(root), "summary": "another"})

    assert marks.mark_of(f"{moved}/runs/self_training/first/gate") == own_mark(moved)
    assert marks.mark_of(f"{moved}/{DATASET}/ingest") == shared_mark(moved)
    assert marks.mark_of(f"{moved}/runs/self_training/first/ingest") == shared_mark(moved)


@pytest.mark.parametrize("put", [marks.put, put_old], ids=["now", "an older version"])
def test_a_run_copied_alone_reads_its_own_work_and_the_dataset_of_kindred_data(root: str, put, tmp_path) -> None:
    run = f"{root}/runs/self_training/first"
    put(f"{run}/gate", own_mark(root))
    put(f"{run}/ingest", shared_mark(root))
    storage.put_bytes(f"{own_mark(root)['folder']}/network.npz", b"bytes")
    shutil.copytree(storage.local(run), tmp_path / "copy")

    gate, ingest = (marks.mark_of(f"file://{tmp_path}/copy/{stage}") for stage in ("gate", "ingest"))

    assert gate is not None
    assert gate["folder"] == f"file://{tmp_path}/copy/gate/{own_mark(root)['attempt']}"
    assert gate["tables"]["predictions_final"] == f"file://{tmp_path}/copy/train_final/1/predictions_candidate"
    assert ingest == shared_mark(root)


def test_an_older_mark_that_names_the_work_of_another_run_still_does(root: str) -> None:
    put_old(f"{root}/runs/self_training/second/gate", own_mark(root))

    assert marks.mark_of(f"{root}/runs/self_training/second/gate") == own_mark(root)


def test_what_a_fetched_run_left_elsewhere_keeps_its_address(root: str, tmp_path) -> None:
    fetched = {**shared_mark("file:///home/ann/data"), "folder": f"{root}/runs/self_training/first/ingest/1"}
    fetched["attempt"] = "1"
    for put in (marks.put, put_old):
        put(f"{root}/runs/self_training/first/ingest", fetched)

        assert marks.mark_of(f"{root}/runs/self_training/first/ingest") == fetched


def test_a_runs_names_may_be_those_of_folders(root: str) -> None:
    run = f"{root}/runs/self_training/runs"
    attempt = "00000000000000000002-00000000"
    for stage in ("datasets", "featurize"):
        mark = {"stage": stage, "attempt": attempt, "folder": f"{run}/{stage}/{attempt}"}
        put_old(f"{run}/{stage}", mark)

        assert marks.mark_of(f"{run}/{stage}") == mark
        assert addresses.root_of(f"{run}/{stage}", stage) == root


def test_a_runs_record_follows_its_folder_too(root: str, tmp_path) -> None:
    before, moved = f"{root}/runs/predict/first", f"file://{tmp_path}/moved/runs/predict/first"
    params = {"run": f"{root}/runs/self_training/first", "images": "/photos"}
    for put in (runs.put_record, lambda folder, record: storage.put_json(f"{folder}/run.json", record)):
        put(before, {"params": params, "mlflow_run_id": "a", "tags": {"kindred.folder": before}})
        shutil.copytree(storage.local(before), storage.local(moved))

        assert runs.params_of(before) == params
        assert runs.params_of(moved) == {**params, "run": f"file://{tmp_path}/moved/runs/self_training/first"}
        shutil.rmtree(storage.local(moved))


def test_a_pointer_follows_kindred_data(root: str, tmp_path, monkeypatch) -> None:
    folder = f"{root}/runs/self_training/first/build_index/1"
    stored = addresses.in_data(folder)
    storage.put_bytes(f"{folder}/network.npz", b"bytes")
    assert addresses.from_data(stored) == addresses.from_data(folder) == folder

    shutil.copytree(storage.local(root), tmp_path / "moved")
    monkeypatch.setenv("KINDRED_DATA", str(tmp_path / "moved"))

    moved = f"file://{tmp_path}/moved/runs/self_training/first/build_index/1"
    assert addresses.from_data(stored) == addresses.from_data(folder) == moved
    assert addresses.from_data("s3a://bucket/elsewhere") == "s3a://bucket/elsewhere"
    assert addresses.from_data("file:///d/runs/none/here/build_index/1") == "file:///d/runs/none/here/build_index/1"
