"""`make run`: one DAG run on this machine, without a server. The console shows the stages; the log keeps everything."""

import contextlib
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from kindred.runtime import file_names, results, runs, storage
from kindred.runtime.errors import InputError
from kindred.runtime.stages import SELF_TRAINING
from kindred_airflow import machine
from kindred_airflow.command import end_with

DATABASE = "runs.db"  # apart from the one that `make up` serves: its scheduler would take up these runs a second time
LINE = re.compile(r"\[kindred\] ([\w./-]+)(?::| (failed):) (.*)")
ERROR = re.compile(r"^(?:[\w.]*\.)?\w*(?:Error|Exception|NotFound|Invalid\w*): (.+)")
PLAIN_SECONDS = 10.0  # between two progress lines where the console is a file


class Console:
    """Shows what matters of a log, as it comes."""

    def __init__(self) -> None:
        self.terminal = sys.stdout.isatty()
        self.progress_at = 0.0
        self.failed = False
        self.error = ""
        self.open_line = False

    def take(self, line: str) -> None:
        """Look at one line of the log."""
        if found := LINE.search(line):
            stage, failed, text = found.groups()
            text = re.sub(r"\s*(\{spark_submit|\[(?:airflow|kindred)|source=|loc=|chan=).*$", "", text).rstrip()
            self.failed = self.failed or bool(failed)
            if text.startswith("... "):
                self._progress(stage, text[4:])
            else:
                self._print(f"  {stage:14} {'FAILED: ' if failed else ''}{text}")
        elif found := ERROR.match(line.strip()):
            self.error = found.group(1)

    def _progress(self, stage: str, text: str) -> None:
        if self.terminal:
            sys.stdout.write(f"\r\x1b[K  {stage:14} {text}")
            sys.stdout.flush()
            self.open_line = True
        elif time.monotonic() - self.progress_at > PLAIN_SECONDS:
            self.progress_at = time.monotonic()
            self._print(f"  {stage:14} ... {text}")

    def _print(self, text: str) -> None:
        sys.stdout.write(("\r\x1b[K" if self.open_line else "") + text + "\n")
        sys.stdout.flush()
        self.open_line = False


def run(dag_id: str, conf: dict, name: str | None = None) -> tuple[str, int]:
    """Run a DAG once; the URI of the run's folder, and the exit status: 0 only if every task succeeded."""
    name = runs.slug(name or conf.get("run_name") or f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}")
    known = sorted(path.stem for path in (machine.ROOT / "dags").glob("*.py"))
    if dag_id not in known:
        raise InputError(f"unknown DAG {dag_id!r}; known: {', '.join(known)}")
    print(f"{dag_id} {json.dumps(conf)}", flush=True)
    env = machine.environment(DATABASE)
    machine.prepare(env, DATABASE)
    log = machine.data() / "logs" / f"{dag_id}-{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    print(f"  run {name}; the whole log: {log}", flush=True)
    airflow = str(Path(sys.executable).parent / "airflow")
    command = [airflow, "dags", "test", dag_id, "--conf", json.dumps({**conf, "run_name": name})]
    status = _follow(command, env, log)
    return runs.run_folder(dag_id, name), status


def end(pid: int) -> None:
    """End a process that leads a group and everything below it, gently first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    psutil.wait_procs(family, timeout=15)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)  # what is left, and what has started since the list was made
    for process in family:  # those that lead a group of their own
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def _follow(command: list[str], env: dict[str, str], log: Path) -> int:
    """Run a command to its end, its output in `log` and its essence on the console; its exit status."""
    console = Console()
    process = subprocess.Popen(
        command,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with log.open("a") as file:
            for line in process.stdout:
                file.write(line)
                file.flush()
                console.take(line)
        status = process.wait()
    except KeyboardInterrupt:
        end(process.pid)
        print("\n  stopped; the same RUN_ID goes on where this ended", flush=True)
        return 130
    if status and not console.failed:
        print(f"  FAILED: {console.error or f'Airflow ended with status {status}'}", flush=True)
    return status


def main() -> int:
    """The command line of `make run`."""
    dag_id = os.environ.get("DAG") or SELF_TRAINING
    text = os.environ.get("CONF") or (
        '{"dataset": "digits", "labels_per_class": 10}' if dag_id == SELF_TRAINING else "{}"
    )
    try:
        conf = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"CONF is no JSON: {error}") from None
    if not isinstance(conf, dict):
        raise InputError(f"CONF must be a JSON object of params, not {text}")
    folder, status = run(dag_id, conf, os.environ.get("RUN_ID"))
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
    end_with(main)
