"""What ended attempts have left is deleted; never what an attempt at work, or a mark, needs."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kindred.runtime import attempts, file_names, marks, runs, storage
from kindred.runtime.job import execute
from kindred.runtime.stage import Stage

ROOT = Path(__file__).parents[2]
OLD = [f"{1000 + i:020d}-0000000{i}" for i in range(3)]
DATASET = "datasets/digits-12ab/ingest"


def attempt(home: str, name: str, lock: str | None = None) -> str:
    """The folder of an attempt with a file, and the lock file of an attempt that is not at work any more."""
    storage.put_bytes(f"{home}/{name}/images/part-0.parquet", b"rows")
    if lock is not None:
        storage.put_bytes(f"{home}/{name}/{file_names.LOCK}", lock.encode())
    return name


def mark(home: str, name: str, **values: object) -> None:
    content = {"attempt": name, "folder": f"{home}/{name}", "tables": {}, **values}
    storage.put_json(f"{home}/{file_names.MARK}", content)


def left(home: str) -> set[str]:
    fs, inside = storage.filesystem(home)
    return {name for path in fs.ls(inside, detail=False) if marks.is_attempt(name := Path(path).name)}


def sweep(home: str) -> list[str]:
    return attempts.sweep(home, home.rsplit("/", 1)[0], "stage")


def test_after_a_day_what_no_mark_names_goes(folder: str) -> None:
    fresh = marks.new_attempt()
    for name in (*OLD[:2], fresh, "notes"):
        attempt(folder, name)
    mark(folder, OLD[1])

    assert sweep(folder) == [OLD[0]]
    assert left(folder) == {OLD[1], fresh}
    assert storage.find_bytes(f"{folder}/notes/images/part-0.parquet") == b"rows"


def test_where_nothing_is_nothing_is_swept(folder: str) -> None:
    assert sweep(folder) == []


def test_where_the_mark_cannot_be_read_nothing_is_swept(folder: str) -> None:
    attempt(folder, OLD[0])
    storage.put_bytes(f"{folder}/{file_names.MARK}", b"")

    assert sweep(folder) == []
    assert left(folder) == {OLD[0]}


@pytest.mark.parametrize(
    ("lock", "goes"),
    [(os.uname().nodename, True), ("another-machine", False), ("", False), (None, False)],
    ids=["of this machine", "of another machine", "of a disk without locks", "of an older version"],
)
def test_what_has_just_ended_goes_where_its_lock_says_so(tmp_path: Path, lock: str | None, goes: bool) -> None:
    home = f"file://{tmp_path}/stage"
    name = attempt(home, marks.new_attempt(), lock)

    assert sweep(home) == [name] * goes
    assert left(home) == {name} - {name for _ in range(goes)}


def test_an_attempt_at_work_stays_and_goes_once_its_process_is_killed(tmp_path: Path) -> None:
    home, name = f"file://{tmp_path}/stage", OLD[0]  # however old it is
    program = f"""
from kindred.runtime import attempts
with attempts.at_work({home!r}, {name!r}):
    print(flush=True)
    input()
"""
    env = {**os.environ, "PYTHONPATH": str(ROOT / "include")}
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", program], env=env, stdin=pipe, stdout=pipe) as process:
        process.stdout.readline()
        at_work = sweep(home), left(home)
        process.send_signal(signal.SIGKILL)
        process.wait()

    assert at_work == ([], {name})
    assert sweep(home) == [name]


def test_committed_work_keeps_no_lock(tmp_path: Path) -> None:
    home = f"file://{tmp_path}/stage"

    with attempts.at_work(home, OLD[0]):
        during = os.listdir(tmp_path / "stage" / OLD[0])

    assert during == [file_names.LOCK]
    assert os.listdir(tmp_path / "stage" / OLD[0]) == []


def fail() -> None:
    raise RuntimeError("no memory")


def test_what_a_failed_attempt_has_left_goes_with_the_next_one(tmp_path: Path) -> None:
    home = f"file://{tmp_path}/stage"

    with pytest.raises(RuntimeError), attempts.at_work(home, OLD[0]):
        fail()

    assert sweep(home) == [OLD[0]]


def test_of_shared_work_what_an_older_run_is_pinned_to_stays(data: Path) -> None:
    home = f"{storage.data_root()}/{DATASET}"
    pinned, standing, orphan = (attempt(home, name) for name in OLD)
    mark(home, standing)
    own = runs.run_folder("self_training", "new")
    mark(f"{runs.run_folder('label_propagation', 'old')}/ingest", pinned)

    assert attempts.sweep(home, own, "ingest") == [orphan]
    assert left(home) == {pinned, standing}


@pytest.mark.parametrize(
    ("place", "names"),
    [
        (f"runs/self_training/first/gate/{file_names.MARK}", "tables"),
        (file_names.SERVING, "folder"),
    ],
    ids=["a table that another stage of the run has taken over", "what is served"],
)
def test_what_another_file_names_stays(data: Path, place: str, names: str) -> None:
    run = runs.run_folder("self_training", "first")
    home = f"{run}/train_final"
    named, standing, orphan = (attempt(home, name) for name in OLD)
    mark(home, standing)
    storage.put_json(f"{storage.data_root()}/{place}", {names: f"{{run}}/train_final/{named}/predictions_candidate"})

    assert attempts.sweep(home, run, "train_final") == [orphan]
    assert left(home) == {named, standing}


def note(s: Stage, *, text: str) -> str:
    s.put_file("note.txt", text.encode())
    return text


def test_a_stage_that_is_reused_is_swept_too(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = runs.run_folder("tests", "one")
    done = execute(note, None, Stage("ingest", run, {"text": "a"}), 0.0)
    orphan = attempt(f"{run}/ingest", marks.new_attempt(), os.uname().nodename)

    with caplog.at_level("INFO"):
        again = execute(note, None, Stage("ingest", run, {"text": "a"}), 0.0)

    assert again["attempt"] == done["attempt"] != orphan
    assert left(f"{run}/ingest") == {done["attempt"]}
    assert "[kindred] ingest: deleted what 1 ended tries had left" in caplog.messages


def test_what_cannot_be_deleted_is_said_and_fails_nothing(data: Path, monkeypatch, caplog) -> None:
    run = runs.run_folder("tests", "one")
    attempt(f"{run}/ingest", OLD[0])

    def refuse(folder: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(storage, "delete", refuse)
    with caplog.at_level("INFO"):
        execute(note, None, Stage("ingest", run, {"text": "a"}), 0.0)

    assert "[kindred] ingest: what earlier tries left could not be deleted: [Errno 13] Permission denied" in caplog.text
