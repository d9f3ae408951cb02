"""What `make run` on digits costs: seconds and memory, and how much of it is above as many empty spark-submits.

    python benchmarks/overhead.py --json FILE

The empty ones are submitted by Airflow in a DAG of the same length, in the same round. An empty job starts a Spark
session and stops it. JSON names: overhead/seconds, overhead/empty_seconds, overhead/seconds_above_empty,
overhead/peak_gigabytes.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import bench
import psutil

from kindred.runtime import stages

EMPTY_JOB = """
from pyspark.sql import SparkSession

SparkSession.builder.getOrCreate().stop()
"""
EMPTY_DAG = """
from airflow.sdk import DAG, chain
from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from kindred.runtime import java

with DAG("empty", schedule=None):
    chain(*(
        SparkSubmitOperator(task_id=f"empty_{{i}}", application={job!r}, conf=java.submit_settings(), pool="spark")
        for i in range({count})
    ))
"""
STAGES = len(stages.ORDER) - 1  # the attack is skipped


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", metavar="FILE")
    args = parser.parse_args()
    rounds = []
    for i in range(args.rounds):
        with tempfile.TemporaryDirectory() as folder:
            env = {
                **os.environ,
                "KINDRED_DATA": folder,
                "PYTHONPATH": str(bench.ROOT / "include"),
                "CONF": "",
                "DAG": "",
                "RUN_ID": "",
            }
            timed([sys.executable, "-c", PREPARE], env)  # the databases are part of the set-up
            ours, memory = timed([sys.executable, "-m", "kindred_airflow.run"], env)
            empty, _ = timed([sys.executable, "-c", RUN_EMPTY.format(folder=folder)], env, folder)
        rounds.append((ours, empty, ours - empty, memory))
        print(f"round {i + 1}: {ours:.0f} s, empty {empty:.0f} s, {memory:.2f} GB", flush=True)
    ours, empty, above, memory = (statistics.median(r[i] for r in rounds) for i in range(4))
    figures = {
        "overhead/seconds": ours,
        "overhead/empty_seconds": empty,
        "overhead/seconds_above_empty": above,
        "overhead/peak_gigabytes": memory,
    }
    bench.report([("figure", "median"), *figures.items()], figures, args.json)


PREPARE = """
from kindred_airflow import machine, run
machine.prepare(machine.environment(run.DATABASE), run.DATABASE)
"""
RUN_EMPTY = """
import subprocess, sys
from pathlib import Path
from kindred_airflow import machine, run
env = machine.environment(run.DATABASE)
env["AIRFLOW__CORE__DAGS_FOLDER"] = {folder!r} + "/empty"
sys.exit(subprocess.run([str(Path(sys.executable).parent / "airflow"), "dags", "test", "empty"], env=env).returncode)
"""


def timed(command: list[str], env: dict[str, str], folder: str | None = None) -> tuple[float, float]:
    """Seconds that a command takes, and the most memory (GB, proportional set size) that it and its children hold."""
    if folder:
        dags = Path(folder, "empty")
        dags.mkdir()
        job = Path(folder, "empty_job.py")
        job.write_text(EMPTY_JOB)
        (dags / "empty.py").write_text(EMPTY_DAG.format(job=str(job), count=STAGES))
    started, peak, ended = time.monotonic(), [0.0], threading.Event()
    process = subprocess.Popen(
        command, env=env, cwd=bench.ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )

    def watch() -> None:
        while not ended.wait(0.5):
            peak[0] = max(peak[0], memory(process.pid))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    output, _ = process.communicate()
    ended.set()
    watcher.join()
    if process.returncode:
        sys.exit(f"{' '.join(command[:4])} ended with status {process.returncode}:\n{output[-3000:]}")
    return time.monotonic() - started, peak[0]


def memory(pid: int) -> float:
    total = 0
    try:
        for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
            try:
                total += process.memory_full_info().pss
            except psutil.Error:  # it has just ended
                continue
    except psutil.NoSuchProcess:
        pass
    return total / 1e9


if __name__ == "__main__":
    main()
