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
