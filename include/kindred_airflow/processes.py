"""The tree of processes that a command has started: all of it ends with the command, however that ends.

Every process of a tree inherits the tree's name in its environment, so it is found wherever it went: into another group
or session, or below init. And no other process is ended: names are used once. A guard, a process of its own, waits at a
pipe from the command; where the command is killed the pipe closes, and the guard ends the tree. Where the guard is
killed, the command starts another one.
"""

import contextlib
import os
import secrets
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Self

import psutil

from kindred_airflow import scratch, signals
from kindred_airflow.scratch import Scratch

NAME = "KINDRED_TREE"
TERMINATE_SECONDS = 5  # to end by themselves, before they are killed
KILL_SECONDS = 3  # that a killed process may take, longer only where a disk hangs
POLL_SECONDS = 0.2
PROGRAM_SECONDS = 0.05  # in which a process shows no environment, because it just becomes another program


class Tree:
    """Processes with the environment `env`, from the block's start to its end."""

    def __init__(self, env: dict[str, str]) -> None:
        self.name = secrets.token_hex(16)
        self._scratch = Scratch(env, self.name)
        # Airflow and gunicorn set their titles, which would overwrite the environment that others see.
        self.env = {**env, **self._scratch.env, NAME: self.name, "SPT_NOENV": "1"}
        self._started: list[subprocess.Popen[Any]] = []
        self._over = threading.Event()

    def __enter__(self) -> Self:
        self._scratch.make()
        self._guard = self._start_guard()
        self._keeper = threading.Thread(target=self._keep_guard, daemon=True)
        self._keeper.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        self._over.set()
        self._keeper.join()
        self._scratch.close()
        _close(self._guard)

    def start(self, command: list[str], **settings: Any) -> subprocess.Popen[Any]:
        """A process in a session of its own: it gets no signal of the terminal's."""
        process = subprocess.Popen(command, env=self.env | settings.pop("env", {}), start_new_session=True, **settings)
        self._started.append(process)
        return process

    def end(self) -> None:
        """End all processes, whatever signals come in the meantime."""
        with signals.ignored():
            end(self.name)
            for process in self._started:
                if process.stdout:
                    process.stdout.close()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(KILL_SECONDS)
            self._started.clear()

    def _keep_guard(self) -> None:
        while not self._over.wait(POLL_SECONDS):
            if self._guard.poll() is not None:
                _close(self._guard)
                self._guard = self._start_guard()

    def _start_guard(self) -> subprocess.Popen[bytes]:
        env = {name: value for name, value in os.environ.items() if name != NAME}  # it belongs to no tree
        env["PYTHONPATH"] = str(Path(__file__).parents[1])
        folders = [str(folder) for folder in self._scratch.folders]
        command = [sys.executable, "-P", "-m", "kindred_airflow.processes", self.name, *folders]
        return subprocess.Popen(
            command,
            env=env,
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=self._scratch.locks,
        )


def end(tree: str) -> int:
    """End all processes of a tree: they are asked, and after TERMINATE_SECONDS killed. How many there were."""
    known: set[psutil.Process] = set()
    started, empty = time.monotonic(), 0
    while empty < 2:
        left, seconds = members(tree), time.monotonic() - started
        if seconds > TERMINATE_SECONDS + KILL_SECONDS:
            break
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                if seconds > TERMINATE_SECONDS:
                    process.kill()
                elif process not in known:
                    process.terminate()
        known |= left
        empty = 0 if left else empty + 1
        psutil.wait_procs(left, timeout=POLL_SECONDS)
        time.sleep(0 if left else PROGRAM_SECONDS)
    return len(known)


def members(tree: str) -> set[psutil.Process]:
    """The living processes of a tree, and what is below them."""
    members: set[psutil.Process] = set()
    children: dict[int, list[psutil.Process]] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                children.setdefault(process.ppid(), []).append(process)
                if process.environ().get(NAME) == tree:
                    members.add(process)
    unseen = list(members)
    while unseen:
        new = [child for child in children.get(unseen.pop().pid, []) if child not in members]
        members.update(new)
        unseen += new
    return members


def _close(guard: subprocess.Popen[bytes]) -> None:
    if guard.stdin:
        guard.stdin.close()
    guard.wait()


def _main(tree: str, *folders: str) -> None:
    """Wait until the command at the other end of standard input is gone; end its tree."""
    with signals.ignored():
        sys.stdin.buffer.read()
        end(tree)
        scratch.delete([Path(folder) for folder in folders])


if __name__ == "__main__":
    _main(*sys.argv[1:])
