"""The mark that commits a stage's work."""

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from kindred.runtime import file_names, marks, storage


def mark(attempt: str, **arguments: int) -> dict:
    return {"attempt": attempt, "arguments": arguments, "inputs": {"ingest": "1"}}


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
