"""How a try ended, as the task that waits for it and the console read it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kindred.runtime import file_names, outcomes, runs, storage
from kindred.runtime.outcomes import Outcome

JOB = """
import time
from kindred.runtime import job

def main(s, *, seconds):
    print("at work", flush=True)
    time.sleep(seconds)
    return "slept"

job.run(main)
"""


@pytest.fixture
def run(data: Path) -> str:
    return runs.run_folder("self_training", "first")


def put(run: str, stage: str, outcome: Outcome, ended: float) -> None:
    storage.put_json(storage.join(run, stage, file_names.OUTCOME), outcome._replace(ended=ended)._asdict())


def test_an_outcome_is_found_by_its_try_alone(run: str) -> None:
    outcomes.put(run, "ingest", Outcome(outcomes.DONE, "9 images", try_id="7-1"))

    outcome = outcomes.find(run, "ingest", "7-1")

    assert outcome is not None
    assert outcome[:4] == (outcomes.DONE, "9 images", True, "7-1")
    assert time.time() - outcome.ended < 60
    assert outcomes.find(run, "ingest", "7-2") is None
    assert outcomes.find(run, "ingest") == outcome
    assert outcomes.find(run, "gate") is None


def test_the_last_try_of_a_stage_counts(run: str) -> None:
    outcomes.put(run, "ingest", Outcome(outcomes.FAILED, "no memory"))
    outcomes.put(run, "ingest", Outcome(outcomes.DONE, "9 images"))

    assert outcomes.failures(run, since=0) == {}


def test_failures_are_those_of_this_time_in_the_order_of_their_ends(run: str) -> None:
    put(run, "ingest", Outcome(outcomes.DONE, "9 images"), ended=20)
    put(run, "cell/random-500", Outcome(outcomes.FAILED, "no labels"), ended=40)
    put(run, "cluster/2000", Outcome(outcomes.FAILED, "no space"), ended=30)
    put(run, "featurize", Outcome(outcomes.FAILED, "of an earlier time"), ended=5)

    failed = outcomes.failures(run, since=10)

    assert [(stage, outcome.line) for stage, outcome in failed.items()] == [
        ("cluster/2000", "no space"),
        ("cell/random-500", "no labels"),
    ]


def test_a_run_that_was_never_opened_has_no_failures(run: str) -> None:
    assert outcomes.failures(run, since=0) == {}


@pytest.mark.slow
@pytest.mark.parametrize(("kill", "status"), [(False, outcomes.DONE), (True, None)])
def test_a_job_leaves_its_outcome_unless_it_is_killed(run: str, tmp_path: Path, kill: bool, status: str | None) -> None:
    script = tmp_path / "job.py"
    script.write_text(JOB)
    arguments = ["--run-uri", run, "--stage", "ingest", "--try-id", "7-1", "--seconds", "30" if kill else "0"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, str(script), *arguments], env=env, stdout=subprocess.PIPE, text=True)
    while "at work" not in process.stdout.readline():
        pass

    if kill:
        process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)

    outcome = outcomes.find(run, "ingest", "7-1")
    assert (outcome and outcome.status) == status
    assert process.returncode == (-signal.SIGKILL if kill else 0)
