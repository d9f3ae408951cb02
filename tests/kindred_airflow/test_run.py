"""What `make run` does around Airflow: what its console reports of a run, and the end of its processes."""

import fcntl
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from kindred.runtime import outcomes, runs
from kindred.runtime.errors import InputError
from kindred.runtime.outcomes import Outcome
from kindred_airflow import machine, params, run
from kindred_airflow.console import Console
from kindred_airflow.signals import Stopped


@pytest.fixture
def airflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Puts a Python program in the place of Airflow's."""

    def replace(program: str) -> None:
        (tmp_path / "airflow").write_text(f"#!{sys.executable}\n{program}")
        (tmp_path / "airflow").chmod(0o755)
        monkeypatch.setattr(run.sys, "executable", str(tmp_path / "python"))

    (tmp_path / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (tmp_path / "python").chmod(0o755)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    monkeypatch.setattr(machine, "environment", lambda database: env)
    monkeypatch.setattr(machine, "prepare", lambda env, database, say: None)
    monkeypatch.setattr(params, "check_before_start", lambda dag_id, conf, env: None)
    return replace


def keep_failure(dag_id: str, name: str, stage: str, line: str) -> None:
    outcomes.put(runs.run_folder(dag_id, name), stage, Outcome(outcomes.FAILED, line))


def reported(capsys: pytest.CaptureFixture) -> list[str]:
    """The console's lines from where Airflow starts."""
    lines = capsys.readouterr().out.splitlines()
    return lines[lines.index("  starting       Airflow, which runs the stages") + 1 :]


def test_the_console_reports_the_stages_that_failed_by_their_outcomes(airflow, capsys, data) -> None:
    airflow("""
from kindred.runtime import outcomes, runs

folder = runs.run_folder("label_propagation", "first")
print("[kindred] cluster/2000: started")
outcomes.put(folder, "cluster/2000", outcomes.Outcome(outcomes.FAILED, "no such label: 'cat'"))
outcomes.put(f"{folder}-ours-500", "gate", outcomes.Outcome(outcomes.FAILED, "was ended from outside"))
print("airflow.sdk.exceptions.AirflowFailException: failed: cluster")
raise SystemExit(1)
""")

    folder, status = run.run("label_propagation", {}, "first")

    assert status == 1
    assert folder == runs.run_folder("label_propagation", "first")
    assert reported(capsys) == [
        "  cluster/2000   started",
        "  cluster/2000   FAILED: no such label: 'cat'",
        "  ours-500/gate  FAILED: was ended from outside",
    ]


def test_the_earlier_name_of_a_dag_is_answered_with_the_new_one() -> None:
    with pytest.raises(InputError, match="the DAG 'published' is named 'stl10_study' now: make run DAG=stl10_study"):
        run.run("published", {})


def test_what_makes_no_run_is_answered_with_its_own_command() -> None:
    with pytest.raises(InputError, match="the DAG 'promote' makes no run; without a server it is: make promote RUN="):
        run.run("promote", {"run": "self_training/first"})


def test_a_failure_of_an_earlier_run_of_this_name_is_not_reported(airflow, capsys, data) -> None:
    keep_failure("self_training", "first", "gate", "of yesterday")
    airflow("""
from kindred.runtime import outcomes, runs

folder = runs.run_folder("self_training", "first")
outcomes.put(folder, "ingest", outcomes.Outcome(outcomes.FAILED, "no such file or folder: /a"))
print("[kindred] ingest failed: no such file or folder: /a")
raise SystemExit(1)
""")

    run.run("self_training", {}, "first")

    assert reported(capsys) == ["  ingest         FAILED: no such file or folder: /a"]


def test_a_task_that_is_no_stage_is_reported_by_its_line(airflow, capsys, data) -> None:
    airflow("print('[kindred] open_run failed: unknown param'); raise SystemExit(1)")

    run.run("self_training", {}, "first")

    assert reported(capsys) == ["  open_run       FAILED: unknown param"]


def test_an_error_of_airflow_itself_is_reported(airflow, capsys, data) -> None:
    airflow("raise ValueError('Invalid input for param folds')")

    assert run.run("self_training", {}, "first")[1] == 1
    assert reported(capsys) == ["                 FAILED: Invalid input for param folds"]


def test_an_end_without_a_word_is_reported_with_its_status(airflow, capsys, data) -> None:
    airflow("raise SystemExit(3)")

    assert run.run("self_training", {}, "first")[1] == 3
    assert reported(capsys) == ["                 FAILED: Airflow ended with status 3"]


def test_a_failed_try_whose_next_one_succeeds_fails_nothing(airflow, capsys, data) -> None:
    airflow("""
print("[kindred] ingest failed: ValueError: no (the stack is in the log)")
print("[kindred] ingest: done in 1.0 s, 9 images")
""")

    assert run.run("self_training", {}, "first")[1] == 0
    assert reported(capsys) == [
        "  ingest         failed: ValueError: no (the stack is in the log)",
        "  ingest         done in 1.0 s, 9 images",
    ]


def test_a_run_that_is_at_work_is_not_started_a_second_time(airflow, data: Path) -> None:
    airflow("raise SystemExit(0)")
    (data / "logs").mkdir(parents=True)
    with (data / "logs" / "self_training-first.log").open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)

        with pytest.raises(InputError, match="run 'self_training-first' is at work already; .* another RUN_ID"):
            run.run("self_training", {}, "first")
        assert run.run("self_training", {}, "second")[1] == 0

    assert run.run("self_training", {}, "first")[1] == 0


def test_airflow_killed_from_outside_is_a_status_as_shells_give_it(airflow, capsys, data) -> None:
    airflow("import os; os.kill(os.getpid(), 9)")

    assert run.run("self_training", {}, "first")[1] == 137
    assert reported(capsys) == ["                 FAILED: Airflow ended with status 137"]


def test_a_run_that_is_stopped_says_how_to_resume_it_and_leaves_no_process(airflow, capsys, data, monkeypatch) -> None:
    airflow("""
import subprocess, time

subprocess.Popen(["sleep", "300"], start_new_session=True)
print("[kindred] ingest: started", flush=True)
time.sleep(300)
""")
    before = set(psutil.Process().children(recursive=True))  # of other tests: Spark's Java, a store
    started = set()

    def stop(console: Console, line: str) -> None:
        started.update(set(psutil.Process().children(recursive=True)) - before)
        raise Stopped(signal.SIGHUP)

    monkeypatch.setattr(Console, "show", stop)

    with pytest.raises(Stopped) as stopped:
        run.run("self_training", {}, "first")

    line = "stopped by SIGHUP; rerun with RUN_ID=first and the same values to resume"
    assert stopped.value.code == 129
    assert reported(capsys) == ["", f"  {line}"]
    assert line in (data / "logs" / "self_training-first.log").read_text()
    assert len(started) >= 3
    assert not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in started)
