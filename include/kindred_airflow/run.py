"""`make run`: one DAG run on this machine, without a server. The console shows the stages; the log keeps everything."""

import fcntl
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, TextIO

from kindred.runtime import file_names, outcomes, results, runs, storage
from kindred.runtime.errors import InputError
from kindred.runtime.stages import SELF_TRAINING
from kindred_airflow import command, machine, params
from kindred_airflow.console import Console
from kindred_airflow.processes import end_tree

DATABASE = "runs.db"  # apart from the one that `make up` serves: its scheduler would take up these runs a second time
FIRST_CONF = '{"dataset": "digits", "labels_per_class": 10}'  # of self_training, where CONF is empty
STOPPED = 130  # exit status: 128 and SIGINT's number


def run(dag_id: str, conf: dict[str, Any], name: str | None = None) -> tuple[str, int]:
    """Run a DAG once; the URI of the run's folder, and the exit status: 0 only if every task succeeded."""
    known = sorted(path.stem for path in (machine.ROOT / "dags").glob("*.py"))
    if dag_id not in known:
        raise InputError(f"unknown DAG {dag_id!r}; known: {', '.join(known)}")
    print(f"{dag_id} {json.dumps(conf)}", flush=True)
    env = machine.environment(DATABASE)
    params.check_before_start(dag_id, conf, env)
    name = runs.slug(name or conf.get("run_name") or f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}")
    machine.prepare(env, DATABASE)
    log = machine.data_folder() / "logs" / f"{dag_id}-{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    print(f"  run {name}; the whole log: {log}", flush=True)
    airflow = str(Path(sys.executable).parent / "airflow")
    test = [airflow, "dags", "test", dag_id, "--conf", json.dumps({**conf, "run_name": name})]
    console, started = Console(), time.time()
    status = _follow(test, env, log, console)
    if status == STOPPED:
        print("\n  stopped; rerun with the same RUN_ID to resume", flush=True)
    elif status:
        _print_failures(failed_stages(dag_id, name, started), console, status)
    return runs.run_folder(dag_id, name), status


def failed_stages(dag_id: str, name: str, since: float) -> list[tuple[str, str]]:
    """The stages of a run, and of the runs that are its parts, whose last try has failed since (seconds since the
    epoch): name and reason.
    """
    failed = []
    for run_name in runs.known_runs(dag_id):
        if run_name != name and not run_name.startswith(f"{name}-"):
            continue
        part = run_name.removeprefix(name).lstrip("-")
        for stage, outcome in outcomes.failures(runs.run_folder(dag_id, run_name), since).items():
            failed.append((f"{part}/{stage}" if part else stage, outcome.line))
    return failed


def _print_failures(failed: list[tuple[str, str]], console: Console, status: int) -> None:
    """What failed and why, by the outcomes of the run's stages; of what is no stage, by what Airflow has logged."""
    for stage, reason in failed or console.failures:
        console.print_line(stage, f"FAILED: {reason}")
    if not failed and not console.failures:
        print(f"  FAILED: {console.error or f'Airflow ended with status {status}'}", flush=True)


def _held(log: Path) -> TextIO:
    """The log of a run, open to be written by this process alone. Raises InputError where another one writes it."""
    file = log.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise InputError(f"run {log.stem!r} is at work already; wait for it, or take another RUN_ID") from None
    return file


def _follow(test: list[str], env: dict[str, str], log: Path, console: Console) -> int:
    """Run a command to its end, its output in `log` and its essence on the console; its exit status."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with (
        _held(log) as file,
        subprocess.Popen(
            test,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as process,
    ):
        try:
            for line in process.stdout or ():
                file.write(line)
                file.flush()
                console.show(line)
            return process.wait()
        except KeyboardInterrupt:
            end_tree(process.pid)
            return STOPPED


def main() -> int:
    """The command line of `make run`."""
    dag_id = os.environ.get("DAG") or SELF_TRAINING
    text = os.environ.get("CONF") or (FIRST_CONF if dag_id == SELF_TRAINING else "{}")
    folder, status = run(dag_id, params.read_conf(text), os.environ.get("RUN_ID"))
    if status == 0:
        print(f"\n{results.summary(folder)}\n")
        print(f"  figures         {storage.local(folder)}/{file_names.METRICS}")
        if report := results.report(folder):
            print(f"  report          {report}")
        if dag_id == SELF_TRAINING:
            print(f"  search          make search RUN={folder.rsplit('/', 1)[1]}")
        print("  MLflow, Airflow make up")
    return status


if __name__ == "__main__":
    command.exit_with(main)
