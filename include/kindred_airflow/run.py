"""`make run`: one DAG run on this machine, without a server. The console shows the stages; the log keeps everything."""

import contextlib
import json
import os
import secrets
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from kindred.runtime import outcomes, projects, results, runs
from kindred.runtime.errors import InputError
from kindred.runtime.stages import SELF_TRAINING
from kindred_airflow import closing, command, machine, params, project_dags, run_log
from kindred_airflow.console import Console
from kindred_airflow.processes import Tree
from kindred_airflow.screen import Screen
from kindred_airflow.signals import Stopped

DATABASE = "runs.db"  # apart from the one that `make up` serves: its scheduler would take up these runs a second time
RENAMED = {"published": "stl10_study"}  # DAGs of earlier versions: their names now
COMMANDS = {"promote": "make promote RUN=name", "project": "make project NAME=name"}  # in place of DAGs without a run


def run(dag_id: str, conf: dict[str, Any], name: str | None = None) -> tuple[str, int]:
    """Run a DAG once; the URI of the run's folder, and the exit status: 0 only if every task succeeded. Raises Stopped,
    after it has printed how to resume, where a signal ends it.
    """
    _check_known(dag_id)
    print(f"{dag_id} {json.dumps(conf)}", flush=True)
    with Tree(machine.environment(DATABASE)) as tree, Screen() as screen:
        console = Console(screen)
        console.print_line("checking", "the values, and that the images are there")
        params.check_before_start(dag_id, conf, tree.env)
        name = runs.slug(name or conf.get("run_name") or f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}")
        log = run_log.path(dag_id, name)
        try:
            machine.prepare(tree.env, DATABASE, console.print_line)
            screen.line(f"  run {name}; the whole log: {log}")
            console.print_line("starting", "Airflow, which runs the stages")
            started = time.time()
            status = _follow(dag_id, {**conf, "run_name": name}, tree, log, console)
        except Stopped as stopped:
            tree.end()
            _print_stopped(stopped, name, log)
            raise
        if status:
            _print_failures(failed_stages(dag_id, name, started), console, status)
    return runs.run_folder(dag_id, name), status


def _check_known(dag_id: str) -> None:
    """Raise InputError for the name of no DAG. The file of a project's DAG is made of what the project says now."""
    known = sorted(path.stem for path in (machine.ROOT / "dags").glob("*.py"))
    if dag_id in RENAMED:
        raise InputError(f"the DAG {dag_id!r} is named {RENAMED[dag_id]!r} now: make run DAG={RENAMED[dag_id]}")
    if dag_id in COMMANDS:
        raise InputError(f"the DAG {dag_id!r} makes no run; without a server it is: {COMMANDS[dag_id]}")
    if project := projects.of_dag(dag_id):
        projects.get(project)
        project_dags.refresh()
    elif dag_id not in known:
        raise InputError(f"unknown DAG {dag_id!r}; known: {', '.join(known)}")


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
        console.print_line("", f"FAILED: {console.error or f'Airflow ended with status {status}'}")


def _follow(dag_id: str, conf: dict[str, Any], tree: Tree, log: Path, console: Console) -> int:
    """Run a DAG to its end, Airflow's output in `log` and its essence on the console; its exit status."""
    airflow = str(Path(sys.executable).parent / "airflow")
    test = [airflow, "dags", "test", dag_id, "--conf", json.dumps(conf)]
    with run_log.held(log) as file:
        process = tree.start(test, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        for line in process.stdout or ():
            file.write(line)
            file.flush()
            console.show(line)
        status = process.wait()
    return status if status >= 0 else 128 - status


def _print_stopped(stopped: Stopped, name: str, log: Path) -> None:
    """That and how the run can be resumed: in its log too, for there may be no terminal any more."""
    line = f"stopped by {stopped.name}; rerun with RUN_ID={name} and the same values to resume"
    with log.open("a") as file:
        file.write(f"{line}\n")
    with contextlib.suppress(OSError):
        print(f"\n  {line}", flush=True)


def main(dag_id: str = "") -> int:
    """The command line of `make run`, of one DAG where it is named."""
    dag_id = dag_id or os.environ.get("DAG") or SELF_TRAINING
    conf = params.read_conf(os.environ.get("CONF") or "{}")
    started = time.time()
    folder, status = run(dag_id, conf, os.environ.get("RUN_ID"))
    if status == 0:
        print(f"\n{results.summary(folder)}\n")
        print(f"{closing.times(results.read(folder), time.time() - started)}\n")
        print(closing.next_steps(dag_id, folder))
    return status


if __name__ == "__main__":
    command.exit_with(main)
