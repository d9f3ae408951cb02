"""`make down` ends what `make up` has started, whatever became of that, and nothing else."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from kindred_airflow import processes, serve, up_file

SLEEP = [sys.executable, "-c", "import time; time.sleep(300)"]


@pytest.fixture
def start(data: Path) -> Iterator:
    """Starts a process that sleeps, as one of a tree where that is named."""
    data.mkdir()
    started: list[subprocess.Popen] = []

    def start(tree: str | None = None) -> subprocess.Popen:
        own = {processes.NAME: tree} if tree else {}
        started.append(subprocess.Popen(SLEEP, env=os.environ | own, start_new_session=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def record(process: subprocess.Popen, **values: object) -> None:
    content = {"pid": process.pid, "started": psutil.Process(process.pid).create_time(), **values}
    up_file.path().write_text(json.dumps(content))


def test_down_ends_the_process_that_serves(start, capsys) -> None:
    process = start()
    record(process)

    assert up_file.running() == [process.pid]
    assert serve.down() == 0
    assert process.poll() is not None
    assert serve.down() == 0
    assert capsys.readouterr().out == "down\nnothing is up\n"


def test_down_ends_no_process_that_has_the_number_of_an_earlier_one(start, capsys) -> None:
    process = start()
    record(process, started=time.time() - 9999, tree="0f")

    assert up_file.running() == []
    assert serve.down() == 0
    assert process.poll() is None
    assert capsys.readouterr().out == "nothing is up\n"


def test_down_ends_what_an_up_that_was_killed_has_left_and_nothing_else(start, capsys) -> None:
    left, other = start("0a"), start("0b")
    record(left, pid=2**22 + 1, tree="0a")

    assert up_file.running() == [left.pid]
    assert serve.down() == 0
    assert (left.poll() is not None, other.poll()) == (True, None)
    assert capsys.readouterr().out == "down\n"


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"pid": "x", "started": 1}', '{"pid": -1, "started": 1}'])
def test_a_file_that_says_nothing_ends_nothing(content: str, data: Path) -> None:
    data.mkdir()
    up_file.path().write_text(content)

    assert up_file.running() == []
    assert not up_file.end()
    assert not up_file.path().exists()
