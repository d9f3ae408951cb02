"""Folders, small files, and the mark that commits a stage's work."""

import multiprocessing
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

import stores
from kindred.runtime import file_names, marks, runs, storage
from kindred.runtime.errors import InputError


def mark(attempt: str, **arguments: int) -> dict:
    return {"attempt": attempt, "arguments": arguments, "inputs": {"ingest": "1"}}


@pytest.fixture(params=["disk", pytest.param("bucket", marks=pytest.mark.slow)])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if request.param == "disk":
        yield f"file://{tmp_path}/stage"
        return
    bucket = request.getfixturevalue("bucket")
    with stores.door(os.environ["AWS_ENDPOINT_URL"]) as (address, _):
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        yield f"{bucket}/stage"


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


def test_a_path_without_a_scheme_becomes_a_local_uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    found = [storage.uri("/a/b"), storage.uri("c"), storage.uri("s3a://bucket/d")]

    assert found == ["file:///a/b", f"file://{tmp_path}/c", "s3a://bucket/d"]


def test_a_run_lies_below_kindred_data(data: Path) -> None:
    assert runs.run_folder("self_training", "a:b") == f"file://{data}/runs/self_training/a-b"


def test_an_unknown_run_is_named_with_the_known_ones() -> None:
    for name in ("first", "second"):
        storage.put_json(storage.join(runs.run_folder("self_training", name), "run.json"), {})

    found = runs.find_run("first", "self_training")

    assert found == runs.run_folder("self_training", "first")
    with pytest.raises(InputError, match="no run 'third' .* known: first, second"):
        runs.find_run("third", "self_training")


def test_fingerprints_change_with_each_thing_and_not_with_the_order_of_keys() -> None:
    one = storage.fingerprint({"a": 1, "b": 2}, "x")

    assert one == storage.fingerprint({"b": 2, "a": 1}, "x")
    assert one != storage.fingerprint({"a": 1, "b": 3}, "x")
    assert one != storage.fingerprint({"a": 1, "b": 2}, "y")


@pytest.mark.parametrize("root", ["file://{}", "memory://kindred{}"])
def test_a_small_file_comes_back_as_it_was_put(root: str, tmp_path: Path) -> None:
    path = root.format(tmp_path) + "/new/folder/file"

    before = storage.find_bytes(path)
    storage.put_bytes(path, b"one")
    storage.put_bytes(path, b"two")

    assert before is None
    assert storage.find_bytes(path) == b"two"


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(folder: str) -> None:
    path = f"{folder}/file"
    storage.put_bytes(path, b"old")

    def fail() -> None:
        with storage.atomic_file(path) as file:
            file.write(b"half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()

    assert storage.find_bytes(path) == b"old"
    fs, inside = storage.filesystem(folder)
    assert [Path(name).name for name in fs.ls(inside, detail=False)] == ["file"]


def test_a_file_that_is_written_in_pieces_is_there_when_its_block_ends(folder: str) -> None:
    path, pieces = f"{folder}/file", [bytes([i]) * 2**20 for i in range(12)]  # over the size of a part

    with storage.atomic_file(path) as file:
        for piece in pieces:
            file.write(piece)
        before = storage.find_bytes(path)

    assert before is None
    assert storage.find_bytes(path) == b"".join(pieces)


def test_attempts_sort_by_the_time_at_which_they_began() -> None:
    attempts = [marks.new_attempt() for _ in range(9)]

    assert attempts == sorted(attempts)
    assert len(set(attempts)) == 9


def test_the_first_commit_stands(folder: str) -> None:
    standing = marks.commit(folder, mark("1", n=1))

    assert standing == marks.mark_of(folder) == mark("1", n=1)


def test_the_same_work_keeps_the_standing_mark(folder: str) -> None:
    marks.commit(folder, mark("1", n=1))

    standing = marks.commit(folder, mark("2", n=1))

    assert standing == marks.mark_of(folder) == mark("1", n=1)


def test_a_later_attempt_at_other_work_replaces_the_mark(folder: str) -> None:
    marks.commit(folder, mark("1", n=1))

    standing = marks.commit(folder, mark("2", n=2))

    assert standing == marks.mark_of(folder) == mark("2", n=2)


def test_other_inputs_are_other_work(folder: str) -> None:
    marks.commit(folder, mark("1", n=1))

    standing = marks.commit(folder, mark("2", n=1) | {"inputs": {"ingest": "2"}})

    assert standing["attempt"] == "2"


def test_an_earlier_attempt_never_replaces_a_later_ones_mark(folder: str) -> None:
    marks.commit(folder, mark("2", n=2))

    standing = marks.commit(folder, mark("1", n=1))

    assert standing == marks.mark_of(folder) == mark("2", n=2)


def test_a_commit_holds_where_there_is_neither_a_lock_nor_a_condition() -> None:
    folder = "memory://kindred/stage"

    marks.commit(folder, mark("2", n=2))
    standing = marks.commit(folder, mark("1", n=1))

    assert standing == marks.mark_of(folder) == mark("2", n=2)


@pytest.mark.parametrize(("works", "standing"), [(lambda i: 0, None), (lambda i: i, "7")], ids=["same", "other"])
def test_of_commits_at_the_same_time_exactly_one_stands(works, standing, folder: str, monkeypatch) -> None:
    put = marks._put_unless_changed

    def slow_put(*given) -> bool:
        time.sleep(0.02)  # a wide gap to fall into
        return put(*given)

    monkeypatch.setattr(marks, "_put_unless_changed", slow_put)
    stage_marks = [mark(str(i), n=works(i)) for i in range(8)]

    with ProcessPoolExecutor(4, multiprocessing.get_context("fork")) as pool:
        answers = list(pool.map(marks.commit, [folder] * 8, stage_marks))

    stands = marks.mark_of(folder)
    assert stands in stage_marks
    if standing is None:
        assert answers == [stands] * 8
    else:
        assert stands["attempt"] == standing


def test_sweeping_takes_old_attempts_without_a_mark(folder: str) -> None:
    old, committed = (f"{1000 + i:020d}-0000000{i}" for i in range(2))
    fresh = marks.new_attempt()
    for name in (old, committed, fresh, "notes"):
        storage.put_bytes(f"{folder}/{name}/part-0.parquet", b"rows")
    marks.commit(folder, mark(committed))

    swept = marks.sweep(folder)

    fs, inside = storage.filesystem(folder)
    assert swept == [old]
    assert {Path(path).name for path in fs.ls(inside, detail=False)} == {committed, fresh, "notes", file_names.MARK}


def test_sweeping_where_nothing_is_does_nothing(folder: str) -> None:
    assert marks.sweep(folder) == []


def test_the_cache_must_be_local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINDRED_DATA", "s3a://bucket/kindred")

    with pytest.raises(InputError, match="set KINDRED_CACHE"):
        runs.cache_folder("graphs")


def test_a_store_that_has_moved_is_found_at_its_new_address(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    storage.put_bytes(f"{bucket}/file", b"content")
    store = os.environ["AWS_ENDPOINT_URL"]
    with stores.door(store) as (address, door):
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        there = storage.find_bytes(f"{bucket}/file")
    monkeypatch.setenv("AWS_ENDPOINT_URL", store)

    assert there == storage.find_bytes(f"{bucket}/file") == b"content"
    assert door.count("GET", "/file") == 1
