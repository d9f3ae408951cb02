"""What the starts of a run's stages cost: with one Spark driver for all of them, and with one for each.

    python benchmarks/overhead.py --json FILE

First a short stage, which opens a Spark session and counts ten rows, and one that needs no Spark; then `make run` on
digits, the databases made before. Both ways in turn, in each round. CPU seconds are those of all processes, the JVM's
and its workers' too. JSON names: overhead/<kept|cold>/short_stage_cpu_seconds, .../stage_without_spark_cpu_seconds,
.../first_stage_cpu_seconds, .../run_seconds, .../run_cpu_seconds, .../run_peak_gigabytes. Linux only.
"""

import argparse
import contextlib
import ctypes
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from unittest import mock

import bench
import psutil

from kindred.runtime import java
from kindred_airflow import kept_driver, machine, run
from kindred_airflow.processes import Tree

SHORT = "from kindred.runtime import spark_session\nspark_session.session('short').range(10).count()\n"
WITHOUT_SPARK = "import numpy, pandas, pyarrow.dataset\nfrom kindred.runtime import job\n"
WAYS = (kept_driver.KEPT, kept_driver.COLD)
MASTER = "local[*]"
PR_SET_CHILD_SUBREAPER = 36  # prctl(2): processes whose parent has ended become children of this one
WATCH_SECONDS = 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--short", type=int, default=3, help="short stages of each kind in a round")
    parser.add_argument("--json", metavar="FILE")
    args = parser.parse_args()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    measured: dict[str, list[float]] = {}
    for number in range(args.rounds):
        for way in WAYS:
            figures = {**short_stages(way, args.short), **whole_run(way)}
            for name, value in figures.items():
                measured.setdefault(f"overhead/{way}/{name}", []).append(value)
            print(f"round {number + 1}, {way}: {figures}", flush=True)
    figures = {name: statistics.median(values) for name, values in measured.items()}
    names = [name.removeprefix("overhead/kept/") for name in figures if name.startswith("overhead/kept/")]
    rows = [(name, *(figures[f"overhead/{way}/{name}"] for way in WAYS)) for name in names]
    bench.report([("median", *WAYS), *rows], figures, args.json)


def short_stages(way: str, count: int) -> dict[str, float]:
    """CPU seconds of a short stage with and without Spark, means of `count`; and of the first, which may start what
    the others use.
    """
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"KINDRED_DATA": folder, "KINDRED_DRIVER": way}
        environment = machine.environment(run.DATABASE)
        with Tree(environment) as tree, mock.patch.dict(os.environ, tree.env):
            env = {**tree.env, **java.local_addresses(MASTER), **kept_driver.environment(MASTER)}
            first = submitted(SHORT, folder, env)
            short, without = (
                statistics.mean(submitted(code, folder, env) for _ in range(count)) for code in (SHORT, WITHOUT_SPARK)
            )
        reap()
    return {
        "first_stage_cpu_seconds": first,
        "short_stage_cpu_seconds": short,
        "stage_without_spark_cpu_seconds": without,
    }


def submitted(code: str, folder: str, env: dict[str, str]) -> float:
    """The CPU seconds that a job takes, from `spark-submit` on."""
    job = Path(folder, "job.py")
    job.write_text(code)
    settings = {**java.submit_settings(), **java.local_settings(MASTER)}
    confs = [part for item in settings.items() for part in ("--conf", "=".join(item))]
    before = cpu_seconds()
    command = ["spark-submit", "--master", MASTER, *confs, str(job)]
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"spark-submit ended with status {done.returncode}:\n{done.stdout[-3000:]}")
    return cpu_seconds() - before


def whole_run(way: str) -> dict[str, float]:
    """`make run` on digits in a new data folder: seconds, CPU seconds, and the most memory that its processes held
    (GB, proportional set size).
    """
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"KINDRED_DATA": folder, "KINDRED_DRIVER": way, "CONF": "", "DAG": "", "RUN_ID": ""}
        os.environ |= {"PYTHONPATH": str(bench.ROOT / "include")}
        machine.prepare(machine.environment(run.DATABASE), run.DATABASE, lambda *_: None)
        before, started, peak = cpu_seconds(), time.monotonic(), 0.0
        ended = threading.Event()

        def watch() -> None:
            nonlocal peak
            while not ended.wait(WATCH_SECONDS):
                peak = max(peak, gigabytes())

        watcher = threading.Thread(target=watch)
        watcher.start()
        command = [sys.executable, "-m", "kindred_airflow.run"]
        process = subprocess.run(command, cwd=bench.ROOT, capture_output=True, text=True)
        seconds = time.monotonic() - started
        ended.set()
        watcher.join()
        if process.returncode:
            sys.exit(f"make run ended with status {process.returncode}:\n{process.stdout[-3000:]}")
        reap()
        return {"run_seconds": seconds, "run_cpu_seconds": cpu_seconds() - before, "run_peak_gigabytes": peak}


def cpu_seconds() -> float:
    """Of all processes below this one, those that have ended among them."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    total = ended.ru_utime + ended.ru_stime
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            total += sum(process.cpu_times()[:4])  # its own, and of its children that have ended
    return total


def reap() -> None:
    """Wait for the processes that have become children of this one."""
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def gigabytes() -> float:
    total = 0
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it has just ended
            total += process.memory_full_info().pss
    return total / 1e9


if __name__ == "__main__":
    main()
