"""What a command has started ends with it, whatever ends the command."""

import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from kindred_airflow import processes
from kindred_airflow.processes import Tree

INCLUDE = Path(__file__).parents[2] / "include"
ENDED_SECONDS = 10
# One of it has left for a session of its own, and lost its parent; one has no environment.
FAMILY = """
(setsid sleep 300 &)
env -i sleep 300 &
sleep 300 &
wait
"""
COMMAND = f"""
import sys, time
from kindred_airflow import signals
from kindred_airflow.processes import Tree

signals.listen()
with Tree(dict(PATH={os.environ["PATH"]!r})) as tree:
    tree.start(["sh", "-c", {FAMILY!r}])
    print(tree.name, flush=True)
    while True:
        time.sleep(0.1)
"""


@pytest.fixture
def command() -> Iterator[Callable[..., subprocess.Popen]]:
    """Starts a command that has a tree; `wrapper` are words before it."""
    started: list[subprocess.Popen] = []

    def start(*wrapper: str, program: str = COMMAND, **settings) -> subprocess.Popen:
        words = [*wrapper, sys.executable, "-c", program]
        env = {**os.environ, "PYTHONPATH": str(INCLUDE)}
        started.append(subprocess.Popen(words, env=env, stdout=subprocess.PIPE, text=True, **settings))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def wait_until(holds: Callable[[], object], seconds: float = ENDED_SECONDS) -> object:
    until = time.monotonic() + seconds
    while not holds() and time.monotonic() < until:
        time.sleep(0.05)
    return holds()


def tree_of(process: subprocess.Popen) -> str:
    """The name of the command's tree, all of which is there."""
    name = process.stdout.readline().strip()
    assert wait_until(lambda: len(processes.members(name)) >= 4)
    return name


def guards(tree: str) -> list[psutil.Process]:
    return [p for p in psutil.process_iter(["cmdline"]) if tree in (p.info["cmdline"] or [])]


@pytest.mark.slow
def test_the_end_of_the_block_is_the_end_of_all_processes_wherever_they_went(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "TERMINATE_SECONDS", 1)
    with Tree(dict(os.environ)) as tree:
        child = tree.start(["sh", "-c", f"trap '' TERM; {FAMILY}"])
        assert wait_until(lambda: len(processes.members(tree.name)) >= 4)

    assert child.returncode is not None  # no zombie
    assert not processes.members(tree.name)
    assert not guards(tree.name)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_tree_and_is_the_status(command, number: int) -> None:
    process = command()
    tree = tree_of(process)

    process.send_signal(number)

    assert process.wait(ENDED_SECONDS) == 128 + number
    assert not processes.members(tree)
    assert wait_until(lambda: not guards(tree))


@pytest.mark.slow
def test_a_command_that_is_killed_does_not_outlive_itself_in_its_tree(command) -> None:
    process = command(start_new_session=True)
    tree = tree_of(process)

    scratch = Path(tempfile.gettempdir(), f"kindred-{tree}")
    assert scratch.is_dir()

    os.killpg(process.pid, signal.SIGKILL)

    assert wait_until(lambda: not processes.members(tree))
    assert wait_until(lambda: not scratch.exists())
    assert wait_until(lambda: not guards(tree))


@pytest.mark.slow
def test_a_guard_that_is_killed_is_replaced(command) -> None:
    process = command()
    tree = tree_of(process)
    first = guards(tree)[0]

    first.kill()
    assert wait_until(lambda: any(guard != first for guard in guards(tree)))
    process.kill()

    assert wait_until(lambda: not processes.members(tree))


@pytest.mark.slow
def test_nohup_keeps_a_command_when_the_terminal_closes(command) -> None:
    process = command("nohup", start_new_session=True, stderr=subprocess.DEVNULL)
    tree = tree_of(process)

    os.killpg(process.pid, signal.SIGHUP)
    time.sleep(1)
    stayed = process.poll() is None
    process.terminate()

    assert stayed
    assert process.wait(ENDED_SECONDS) == 143
    assert not processes.members(tree)


def makefile(folder: Path) -> None:
    """One whose recipe is a command, as in the project's own."""
    own = (INCLUDE.parent / "Makefile").read_text()
    line = next(line for line in own.splitlines() if line.startswith("COMMAND = "))
    text = (
        f"BIN := {Path(sys.executable).parent}\n{line}\nrun:\n\t@$(COMMAND) {shlex.quote(str(folder / 'command.py'))}\n"
    )
    (folder / "Makefile").write_text(text)
    (folder / "command.py").write_text(COMMAND)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_what_ends_make_alone_ends_its_command(tmp_path: Path, number: int) -> None:
    makefile(tmp_path)
    env = {**os.environ, "PYTHONPATH": str(INCLUDE)}
    make = subprocess.Popen(["make", "-C", str(tmp_path)], env=env, stdout=subprocess.PIPE, text=True)
    make.stdout.readline()  # that it enters the folder
    tree = tree_of(make)
    runner = psutil.Process(make.pid).children()[0]

    make.send_signal(number)

    assert wait_until(lambda: not runner.is_running() or runner.status() == psutil.STATUS_ZOMBIE, 15)
    assert not processes.members(tree)
    assert make.wait(15) in (-number, 2)
    make.stdout.close()


@pytest.mark.slow
def test_the_end_of_the_shell_that_started_make_ends_nothing(tmp_path: Path) -> None:
    makefile(tmp_path)
    env = {**os.environ, "PYTHONPATH": str(INCLUDE)}
    (tmp_path / "out").touch()
    script = f"nohup make -C {shlex.quote(str(tmp_path))} > {tmp_path}/out 2>&1 &"
    subprocess.run(["sh", "-c", script], env=env, start_new_session=True, check=True)
    assert wait_until(lambda: re.search(r"^[0-9a-f]{32}$", (tmp_path / "out").read_text(), re.MULTILINE))
    tree = (tmp_path / "out").read_text().splitlines()[-1]

    time.sleep(2)
    left = processes.members(tree)
    runner = guards(tree)[0].parent()
    runner.terminate()

    assert left
    assert wait_until(lambda: not processes.members(tree))
