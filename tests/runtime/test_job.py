"""A job's command line, and how it ends."""

import json
import logging
import sys
from pathlib import Path

import pytest

from kindred.runtime import job, marks, outcomes, runs, storage
from kindred.runtime.errors import InputError
from kindred.runtime.stage import Stage


def write_note(s: Stage, *, note: str) -> str:
    """A stage that needs no Spark."""
    s.put_file("note.txt", note.encode())
    return f"noted: {note}"


@pytest.fixture
def run(data: Path) -> str:
    return runs.run_folder("tests", "one")


@pytest.fixture
def start(run: str, monkeypatch: pytest.MonkeyPatch):
    """Runs a job from its command line, as the try `7-1` of the stage `ingest`."""

    def start(main, **arguments) -> None:
        values = [text for name, value in arguments.items() for text in (f"--{name}", json.dumps(value))]
        words = ["job.py", "--run-uri", run, "--stage", "ingest", "--try-id", "7-1", *values]
        monkeypatch.setattr(sys, "argv", words)
        job.run(main)

    return start


def test_a_job_gets_its_arguments_as_json(start, run: str) -> None:
    start(write_note, note='"quoted" ü')

    mark = marks.mark_of(storage.join(run, "ingest"))
    assert mark["arguments"] == {"note": '"quoted" ü'}
    assert storage.read_bytes(storage.join(mark["folder"], "note.txt")).decode() == '"quoted" ü'


def test_a_job_without_an_argument_is_refused(start, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as ended:
        start(write_note)

    assert ended.value.code == 2
    assert "--note" in capsys.readouterr().err


@pytest.mark.parametrize("status", [outcomes.DONE, outcomes.REUSED])
def test_a_job_leaves_what_it_did_as_its_outcome(start, run: str, status: str) -> None:
    start(write_note, note="first")
    if status == outcomes.REUSED:
        start(write_note, note="first")

    assert outcomes.find(run, "ingest", "7-1")[:3] == (status, "noted: first", True)


@pytest.mark.parametrize(("error", "status", "stack"), [(InputError, 2, False), (RuntimeError, 1, True)])
def test_a_job_that_fails_says_why_in_one_line(start, error, status: int, stack: bool, run: str, caplog) -> None:
    def fail(s: Stage, *, note: str) -> str:
        raise error(f"too {note}")

    with caplog.at_level(logging.INFO), pytest.raises(SystemExit) as ended:
        start(fail, note="dark")

    outcome = outcomes.find(run, "ingest", "7-1")
    assert ended.value.code == status
    assert [m for m in caplog.messages if m.startswith("[kindred] ingest failed: ") and "too dark" in m]
    assert any("Traceback" in message for message in caplog.messages) == stack
    assert marks.mark_of(storage.join(run, "ingest")) is None
    assert (outcome.status, outcome.retry, "too dark" in outcome.line) == (outcomes.FAILED, status == 1, True)


def test_a_job_whose_outcome_cannot_be_kept_ends_with_its_status(start, run: str, monkeypatch, caplog) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no store")

    def fail(s: Stage) -> str:
        raise InputError("too dark")

    monkeypatch.setattr(outcomes, "put", refuse)

    with pytest.raises(SystemExit) as ended:
        start(fail)

    assert ended.value.code == 2
    assert "the outcome could not be kept: no store" in caplog.text


@pytest.mark.parametrize(
    ("error", "line", "status"),
    [
        (InputError("no such file: /a"), "no such file: /a", 2),
        (ValueError("first\nsecond"), "ValueError: first (the stack is in the log)", 1),
        (ValueError(), "ValueError:  (the stack is in the log)", 1),
        (KeyboardInterrupt(), "stopped", 130),
        (
            ValueError(
                "x\n[PYTHON_VERSION_MISMATCH] Python in worker has different version: 3.11 than that in driver: 3.12, "
                "PySpark cannot run with different minor versions."
            ),
            "Python in worker has different version: 3.11 than that in driver: 3.12; fix PYSPARK_PYTHON",
            2,
        ),
        (
            OSError(28, "No space left on device"),
            "no space is left on a disk; make room, or fix KINDRED_DATA, KINDRED_CACHE or SPARK_LOCAL_DIRS",
            2,
        ),
        (SystemExit(3), "ended with status 3", 3),
        (SystemExit("no more"), "ended with status no more", 1),
    ],
)
def test_an_error_is_one_line_and_a_status(error: BaseException, line: str, status: int) -> None:
    assert job.explain(error) == (line, status)


LOST_TASK = (
    "org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 1.0 failed 1 times, most "
    "recent failure: Lost task 0.0 in stage 1.0 (TID 1) (192.0.2.2 executor driver): "
)
FRAMES = (
    "\n\tat org.apache.spark.Executor.run(Executor.java:1)\n\nDriver stacktrace:\n\tat java.lang.Thread.run(T.java:8)"
)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            f"An error occurred while calling o1.parquet.\n: {LOST_TASK}java.io.IOException: disk is gone{FRAMES}",
            "IOException: disk is gone",
        ),
        (
            f"An error occurred.\n: {LOST_TASK}a.LostException: first{FRAMES}\nCaused by: a.RootError: root{FRAMES}",
            "RootError: root",
        ),
        (
            f": {LOST_TASK}a.SparkException: worker crashed{FRAMES}\nCaused by: java.io.EOFException{FRAMES}",
            "SparkException: worker crashed",
        ),
        (": java.io.EOFException\n\tat a.b(c.java:1)", "EOFException"),
        (
            'Job aborted.\nTraceback (most recent call last):\n  File "a.py", line 1, in f\n    x\n    ^\n'
            "kindred.data.images.ImageError: first\n\nThe above exception was the direct cause:\n\n"
            "Traceback (most recent call last):\n  File \"b.py\", line 2\n    y\nKeyError: 'last'\n\n\tat a.b(C:1)",
            "KeyError: 'last'",
        ),
        (
            "[PATH_NOT_FOUND] Path does not exist: file:/a. SQLSTATE: 42K03",
            "Error: [PATH_NOT_FOUND] Path does not exist: file:/a.",
        ),
    ],
    ids=["task", "root", "root without text", "no text at all", "python", "analysis"],
)
def test_of_an_error_of_spark_the_root_cause_is_told(text: str, line: str) -> None:
    error = type("Error", (Exception,), {})(text)

    assert job.explain(error) == (f"{line} (the stack is in the log)", 1)


@pytest.mark.spark
def test_of_an_error_in_a_worker_its_last_line_is_told(spark) -> None:
    def fail(batches):
        for _ in batches:
            raise KeyError("lost")
        yield

    with pytest.raises(Exception, match="lost") as caught:
        spark.range(1).mapInPandas(fail, "id long").collect()

    assert job.explain(caught.value) == ("KeyError: 'lost' (the stack is in the log)", 1)


@pytest.mark.spark
def test_bad_input_that_a_worker_finds_is_one_line_and_not_tried_again(spark) -> None:
    def fail(batches):
        from kindred.runtime.errors import InputError

        for _ in batches:
            raise InputError("no such label: 'cat'; known: dog")
        yield

    with pytest.raises(Exception, match="no such label") as caught:
        spark.range(1).mapInPandas(fail, "id long").collect()

    assert job.explain(caught.value) == ("no such label: 'cat'; known: dog", job.BAD_INPUT)
