"""What `make run` does around Airflow: the console, and the end of its processes."""

import signal
import subprocess
import time

import psutil
import pytest

from kindred_airflow.run import Console, end


@pytest.fixture(autouse=True)
def _keyboard():
    """`end` ignores Ctrl-C from then on."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


def test_the_end_of_a_process_is_the_end_of_its_orphans_too() -> None:
    process = subprocess.Popen(
        ["sh", "-c", "(sleep 300 & echo $!); sleep 300"], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    orphan = psutil.Process(int(process.stdout.readline()))

    end(process.pid)

    process.wait(timeout=10)
    until = time.monotonic() + 10
    while orphan.is_running() and orphan.status() != psutil.STATUS_ZOMBIE and time.monotonic() < until:
        time.sleep(0.05)
    assert not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE
    process.stdout.close()


def test_the_end_of_what_has_ended_is_no_error() -> None:
    process = subprocess.Popen(["true"], start_new_session=True)
    process.wait()

    end(process.pid)


def test_the_console_shows_stages_and_leaves_out_the_rest(capsys) -> None:
    console = Console()

    console.take(
        "2026-01-01T00:00:00Z [info     ] [kindred] ingest: done in 1.0 s [airflow.task.hooks] loc=spark.py:1\n"
    )
    console.take("2026-01-01T00:00:00Z [info     ] [kindred] cell/random-500: started [kindred] loc=tasks.py:1\n")
    console.take("26/01/01 00:00:00 WARN Utils: nothing for people\n")
    console.take("[kindred] gate failed: no such thing\n")

    assert capsys.readouterr().out.splitlines() == [
        "  ingest         done in 1.0 s",
        "  cell/random-500 started",
        "  gate           FAILED: no such thing",
    ]
    assert console.failed
