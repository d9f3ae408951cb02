"""Which earlier version of a dataset is read, and that it stays while it is."""

import time
from collections.abc import Callable

import pytest

from kindred.runtime import attempts, earlier_versions, file_names, marks, pruning, pruning_plan, runs, stages, storage
from kindred.runtime.job import execute
from kindred.runtime.stage import Stage
from managed import old_attempts

OWN = "f" * 12


def made(name: str, path: str | None = None, limit: int | None = None, run: str = "first") -> str:
    """A version of the dataset `photos`, by a run; its attempt."""

    def home(s: Stage, **_: object) -> str:
        return storage.join(runs.dataset_folder("photos", name * 12), "ingest")

    def main(s: Stage, *, path: str | None, limit: int | None) -> str:
        s.put_file("images.bin", name.encode())
        return name

    folder = runs.run_folder("self_training", run)
    return execute(main, home, Stage(stages.INGEST, folder, {"path": path, "limit": limit}), time.time())["attempt"]


def held(
    path: str | None = None,
    limit: int | None = None,
    say: Callable[[str], None] = print,
    fits: Callable[[dict], bool] = lambda mark: True,
) -> str | None:
    """The attempt of the earlier version that is read for another one, by the run `reader`."""
    home = storage.join(runs.dataset_folder("photos", OWN), "ingest")
    read_with = {"path": path, "limit": limit}
    earlier = earlier_versions.hold(reader(), "ingest", home, read_with, fits, say)
    return earlier and earlier.mark["attempt"]


def reader() -> str:
    return runs.run_folder("self_training", "reader")


def note() -> bytes | None:
    return storage.find_bytes(storage.join(reader(), "ingest", file_names.READING))


def test_the_newest_version_of_the_same_path_is_read_if_possible_of_the_same_limit(data) -> None:
    limited, _, whole = made("a", "/photos", 10), made("b", "/others"), made("c", "/photos")

    assert held("/photos") == whole
    assert held("/photos", 10) == limited
    assert held("/photos", 20) == whole
    assert held("/elsewhere") is None


def test_the_version_itself_and_those_that_do_not_fit_are_not_read(data) -> None:
    earlier = made("a")
    made("f")

    assert held() == earlier
    assert held(fits=lambda mark: mark["summary"] == "z") is None
    assert note() is None


def test_a_version_whose_files_are_not_whole_is_named_and_not_read(data) -> None:
    whole, broken, lines = made("a"), made("b"), []
    home = storage.join(runs.dataset_folder("photos", "b" * 12), "ingest")
    storage.delete(storage.join(home, broken, "images.bin"))
    made("c")
    storage.put_bytes(storage.join(runs.dataset_folder("photos", "c" * 12), "ingest", file_names.MARK), b"{")

    assert held(say=lines.append) == whole
    assert len(lines) == 1
    assert lines[0].endswith(f"images.bin is missing: nothing is reused from photos-{'b' * 12}")


def test_where_datasets_do_not_lie_there_is_no_version(data) -> None:
    made("a")

    assert earlier_versions.hold(reader(), "ingest", f"{reader()}/ingest", {}, lambda mark: True, print) is None


def test_what_is_read_is_not_pruned_until_it_is_released(data, monkeypatch: pytest.MonkeyPatch) -> None:
    old_attempts(monkeypatch, days=2)
    attempt = made("a")
    storage.delete(runs.run_folder("self_training", "first"))
    before = pruning_plan.plan().items

    assert [item.attempts for item in before] == [{attempt}]
    assert held() == attempt

    assert pruning_plan.plan().items == []
    assert [pruning.delete(item) for item in before] == [0]  # planned before it was held
    assert marks.mark_of(storage.join(runs.dataset_folder("photos", "a" * 12), "ingest"))["attempt"] == attempt

    earlier_versions.release(reader(), "ingest")

    assert note() is None
    assert [item.attempts for item in pruning_plan.plan().items] == [{attempt}]


def test_what_is_being_deleted_is_not_read(data, monkeypatch: pytest.MonkeyPatch) -> None:
    made("a")
    put = storage.put_json

    def put_and_lose(path: str, value: dict) -> None:
        put(path, value)
        storage.delete(storage.join(runs.dataset_folder("photos", "a" * 12), "ingest", file_names.MARK))

    monkeypatch.setattr(storage, "put_json", put_and_lose)

    assert held() is None
    assert note() is None


def test_an_attempt_that_is_read_is_not_swept_when_its_work_is_made_again(data, monkeypatch) -> None:
    old_attempts(monkeypatch, days=2)
    attempt = made("a")
    assert held() == attempt
    home = storage.join(runs.dataset_folder("photos", "a" * 12), "ingest")
    storage.delete(storage.join(home, file_names.MARK))  # as where its files are broken

    made("a", run="first")
    kept = attempts.sweep(home, runs.run_folder("self_training", "first"), "ingest")
    earlier_versions.release(reader(), "ingest")

    assert kept == []
    assert attempts.sweep(home, runs.run_folder("self_training", "first"), "ingest") == [attempt]
