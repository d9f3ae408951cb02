"""A driver that is kept alive between stages: what a job gets of it, and what a killed process ends."""

import doctest
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from kindred.runtime import java
from kindred.runtime.errors import InputError
from kindred_airflow import kept_driver
from kindred_airflow.kept_driver import submit

FOLDER = Path(kept_driver.__file__).parent
MASTER = "local[2]"
BEGIN = """
import builtins, json, os, sys
from pyspark.sql import SparkSession
from kindred.runtime import spark_session
spark = spark_session.session("test")
context = spark.sparkContext
"""
LEAVE = """
builtins.left = os.environ["LEFT"] = "x"
os.chdir("/")
spark.conf.set("spark.sql.shuffle.partitions", "77")
frame = spark.range(3)
frame.createOrReplaceTempView("left")
frame.persist().count()
context.parallelize(range(3)).persist().count()

def remember(frames):
    builtins.left_in_worker = "x"
    yield from frames

spark.range(8).repartition(4).mapInPandas(remember, "id long").count()
print(json.dumps({"application": context.applicationId, "server": os.getppid()}))
"""
LOOK = """
def look(frames):
    for frame in frames:
        yield frame.assign(left=hasattr(builtins, "left_in_worker"))

print(json.dumps({
    "application": context.applicationId,
    "server": os.getppid(),
    "python": hasattr(builtins, "left"),
    "environment": "LEFT" in os.environ,
    "folder": os.getcwd(),
    "partitions": spark.conf.get("spark.sql.shuffle.partitions"),
    "views": [table.name for table in spark.catalog.listTables()],
    "persisted": len(context._jsc.getPersistentRDDs()),
    "workers": [row.left for row in spark.range(8).repartition(4).mapInPandas(look, "id long, left boolean").collect()],
    "arguments": sys.argv[1:],
}))
"""
SLEEP = "import os, sys, time\nprint(os.getpid(), os.getppid(), flush=True)\ntime.sleep(600)\n"
END = "import os, sys\nprint(os.getppid(), flush=True)\nsys.exit(int(sys.argv[1]))\n"

Start = Callable[..., subprocess.Popen]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a job, its code as text, through the stand-in; what is left of drivers ends with the test."""
    scratch = tmp_path / "scratch"
    scratch.mkdir(mode=0o700)
    confs = [part for item in java.local_settings(MASTER).items() for part in ("--conf", "=".join(item))]
    options = ["--master", MASTER, *confs, "--conf", "spark.driver.memory=512m", "--conf", "spark.ui.enabled=false"]
    environment = {
        **os.environ,
        **java.environment(),
        **java.local_addresses(MASTER),
        "JAVA_HOME": java.java_home(),
        "KINDRED_SCRATCH": str(scratch),
        "PATH": os.pathsep.join(map(str, [FOLDER, Path(sys.executable).parent, os.environ["PATH"]])),
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": str(FOLDER.parents[1]),
    }

    def start(code: str, *arguments: str) -> subprocess.Popen:
        job = tmp_path / f"job_{len(list(tmp_path.iterdir()))}.py"
        job.write_text(code)
        return subprocess.Popen(
            ["spark-submit", *options, "--name", job.stem, str(job), *arguments],
            env=environment,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    yield start
    for process in psutil.process_iter():
        try:
            if process.environ().get("KINDRED_SCRATCH") == str(scratch):
                process.kill()
        except psutil.Error:
            continue


def printed(process: subprocess.Popen) -> dict:
    """The JSON that a job prints; it ends well."""
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    return json.loads(next(line for line in output.splitlines() if line.startswith("{")))


def numbers(process: subprocess.Popen) -> list[int]:
    """The process ids that a job prints at first."""
    while True:
        line = process.stdout.readline()
        assert line, process.wait()
        if line.replace(" ", "").strip().isdecimal():
            return [int(word) for word in line.split()]


def is_gone(pid: int, seconds: float = 20) -> bool:
    """Whether a process is over within some seconds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.slow
def test_a_stage_sees_nothing_of_the_one_before_it_in_the_same_driver(start: Start, tmp_path: Path) -> None:
    first = printed(start(BEGIN + LEAVE))

    second = printed(start(BEGIN + LOOK, "--stage", "a b"))

    assert second == {
        **first,
        "python": False,
        "environment": False,
        "folder": str(tmp_path),
        "partitions": "4",
        "views": [],
        "persisted": 0,
        "workers": [False] * 8,
        "arguments": ["--stage", "a b"],
    }


@pytest.mark.slow
def test_a_driver_stays_after_bad_input_and_goes_with_a_stage_that_fails(start: Start) -> None:
    servers, statuses = [], []
    for status in ("0", "2", "1", "0"):
        process = start(END, status)
        servers += numbers(process)
        statuses.append(process.wait(60))

    assert statuses == [0, 2, 1, 0]
    assert servers[0] == servers[1] == servers[2] != servers[3]
    assert is_gone(servers[0])


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["submitted", "stage", "server", "jvm"])
def test_what_is_killed_ends_one_stage_and_the_next_has_a_new_driver(victim: str, start: Start) -> None:
    process = start(SLEEP)
    stage, server = numbers(process)
    jvm = psutil.Process(server).ppid()

    psutil.Process({"submitted": process.pid, "stage": stage, "server": server, "jvm": jvm}[victim]).kill()

    if victim == "jvm":  # a stage that needs no Spark goes on
        assert not is_gone(server, seconds=1)
        psutil.Process(stage).kill()
    assert process.wait(60) != 0
    assert is_gone(stage)
    assert is_gone(server)
    assert numbers(start(END, "0")) != [server]


@pytest.mark.slow
def test_two_stages_at_the_same_time_have_a_driver_each(start: Start) -> None:
    sleeping = start(SLEEP)
    _, first = numbers(sleeping)
    other = start(END, "0")

    assert numbers(other) != [first]
    assert other.wait(60) == 0
    assert sleeping.poll() is None


def test_a_job_is_told_from_the_options_of_spark_submit() -> None:
    assert doctest.testmod(submit).failed == 0


def test_only_jobs_of_the_same_options_and_environment_share_a_driver() -> None:
    keys = [
        submit.key(["--master", "local[2]"], {"KINDRED_DATA": "/a"}),
        submit.key(["--master", "local[2]"], {"KINDRED_DATA": "/a", "AIRFLOW_CTX_TASK_ID": "gate"}),
        submit.key(["--master", "local[2]"], {"KINDRED_DATA": "/b"}),
        submit.key(["--master", "local[4]"], {"KINDRED_DATA": "/a"}),
    ]

    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


@pytest.mark.parametrize(
    ("master", "variables"),
    [
        ("spark://master:7077", {"KINDRED_SCRATCH": "/tmp/x"}),
        ("local[*]", {}),
        ("local[*]", {"KINDRED_SCRATCH": "/tmp/x", "KINDRED_DRIVER": "cold"}),
        ("local[*]", {"KINDRED_SCRATCH": "/tmp/x", "KINDRED_EVENT_LOG": "/tmp/log"}),
    ],
)
def test_each_stage_has_a_driver_of_its_own(master: str, variables: dict[str, str], monkeypatch) -> None:
    set_only(monkeypatch, variables)

    assert kept_driver.environment(master) == {}


def test_elsewhere_than_on_linux_each_stage_has_a_driver_of_its_own(monkeypatch) -> None:
    set_only(monkeypatch, {"KINDRED_SCRATCH": "/tmp/x"})
    monkeypatch.setattr(sys, "platform", "darwin")

    assert kept_driver.environment("local[*]") == {}


def test_the_stand_in_comes_before_sparks_own(monkeypatch) -> None:
    set_only(monkeypatch, {"KINDRED_SCRATCH": "/tmp/x", "PATH": "/bin"})

    assert kept_driver.environment("local[*]") == {"PATH": f"{FOLDER}:/bin"}


def test_another_kind_of_driver_is_refused(monkeypatch) -> None:
    set_only(monkeypatch, {"KINDRED_DRIVER": "warm"})

    with pytest.raises(InputError, match="KINDRED_DRIVER must be kept or cold, not 'warm'"):
        kept_driver.environment("local[*]")


def set_only(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name in ("KINDRED_SCRATCH", "KINDRED_DRIVER", "KINDRED_EVENT_LOG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
