"""The mark that commits a stage's work."""

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from kindred.runtime import committed_files, file_names, marks, storage


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


def finished(folder: str) -> dict:
    """A stage's mark, with the files that it names."""
    attempt = marks.new_attempt()
    place = f"{folder}/{attempt}"
    for name in ("images/part-0.parquet", "images/part-1.parquet", "network.npz"):
        storage.put_bytes(f"{place}/{name}", name.encode())
    for name in ("images/.part-0.parquet.crc", "images/_SUCCESS"):  # Spark's own
        storage.put_bytes(f"{place}/{name}", b"1")
    return {
        **{"stage": "ingest", "attempt": attempt, "folder": place, "summary": "3 images"},
        **{"arguments": {"n": 1}, "inputs": {}, "figures": {"n": 1}, "facts": {}},
        **{"tables": {"images": f"{place}/images"}, "files": {place: committed_files.listing(place)}},
    }


def test_finished_work_whose_files_are_all_there_is_used_again(folder: str, messages: list[str]) -> None:
    mark = finished(folder)
    marks.put(folder, mark)
    storage.put_bytes(f"{mark['folder']}/another", b"file")  # is no harm
    storage.delete(f"{mark['folder']}/images/_SUCCESS")

    assert marks.find_whole(folder, messages.append) == mark
    assert committed_files.of_table(mark, "images") == {"part-0.parquet": 21, "part-1.parquet": 21}
    assert messages == []


def test_a_mark_whose_names_are_numbers_is_read_as_json_has_them(folder: str, messages: list[str]) -> None:
    mark = finished(folder) | {"facts": {"folds": {number: {"labels": 5} for number in range(12)}}}

    assert marks.commit(folder, mark) == mark
    read = marks.find_whole(folder, messages.append)

    assert read is not None
    assert read["facts"]["folds"]["11"] == {"labels": 5}
    assert messages == []


BROKEN_MARKS = {
    "empty": (lambda content: b"", "it is empty"),
    "blank": (lambda content: b"  \n", "it is empty"),
    "cut": (lambda content: content[: len(content) // 2], "it is cut or no JSON"),
    "binary": (lambda content: bytes(range(256)), "it is cut or no JSON"),
    "nested": (lambda content: b"[" * 100_000, "it is cut or no JSON"),
    "a list": (lambda content: b"[1, 2]", "it holds no JSON object"),
    "a text": (lambda content: b'"done"', "it holds no JSON object"),
    "null": (lambda content: b"null", "it holds no JSON object"),
    "newer": (lambda content: content.replace(b'"format": 2', b'"format": 3'), "of a newer version: its format is 3"),
    "flipped": (lambda content: content.replace(b'"n": 1', b'"n": 7'), "it was changed"),
    "no tables": (lambda content: b'{"attempt": "1", "tables": []}', "its 'tables' is none"),
}


@pytest.mark.parametrize("kind", list(BROKEN_MARKS))
def test_a_mark_that_cannot_be_read_is_made_again_and_says_so(folder: str, messages: list[str], kind: str) -> None:
    change, reason = BROKEN_MARKS[kind]
    marks.put(folder, finished(folder))
    path = f"{folder}/{file_names.MARK}"
    storage.put_bytes(path, change(storage.read_bytes(path)))

    with pytest.raises(storage.UnreadableError, match="_DONE.json cannot be read, .*; `make run` with the RUN_ID"):
        marks.mark_of(folder)
    assert marks.find_whole(folder, messages.append) is None
    again = finished(folder)
    assert marks.commit(folder, again) == again

    (message,) = messages
    assert message.startswith(f"{storage.local(path)} cannot be read, ")
    assert message.endswith(f"{reason}: made again")
    assert marks.mark_of(folder) == again


def test_a_mark_that_lacks_something_is_made_again(folder: str, messages: list[str]) -> None:
    for name in marks.KEYS:
        messages.clear()
        marks.put(folder, {key: value for key, value in finished(folder).items() if key != name})

        assert marks.find_whole(folder, messages.append) is None
        assert messages == [f"its mark has no {name!r}: made again"]


def test_a_folder_in_the_place_of_a_mark_is_made_again(tmp_path: Path, messages: list[str]) -> None:
    folder = f"file://{tmp_path}/stage"
    (tmp_path / "stage" / file_names.MARK / "inside").mkdir(parents=True)

    assert marks.find_whole(folder, messages.append) is None
    marks.commit(folder, mark("1", n=1))
    assert marks.mark_of(folder) == mark("1", n=1)
    assert len(messages) == 1


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("images/part-0.parquet", None, "images/part-0.parquet is missing"),
        ("images/part-1.parquet", b"", "images/part-1.parquet has 0 bytes, not 21"),
        ("network.npz", b"network", "network.npz has 7 bytes, not 11"),
        ("images", None, "images/part-0.parquet is missing"),
        ("", None, "images/part-0.parquet is missing"),
    ],
)
def test_work_whose_files_are_missing_or_cut_is_made_again(folder, messages, name, content, reason) -> None:
    before = finished(folder)
    marks.put(folder, before)
    path = storage.join(before["folder"], name)
    if content is None:
        storage.delete(path)
    else:
        storage.put_bytes(path, content)

    assert marks.find_whole(folder, messages.append) is None
    again = finished(folder)
    assert marks.commit(folder, again) == again  # though the mark that stands is of the same work

    (message,) = messages
    assert message.endswith(f"{reason}: made again")
    assert message.startswith(storage.local(before["folder"]))


def test_a_mark_of_before_names_no_files_and_is_trusted(folder: str, messages: list[str]) -> None:
    old = {key: value for key, value in finished(folder).items() if key != "files"}
    storage.put_json(f"{folder}/{file_names.MARK}", old)
    storage.delete(f"{old['folder']}/images/part-0.parquet")

    assert marks.find_whole(folder, messages.append) == old
