"""The log of a `make run`: where it lies, and that one process alone writes it."""

import fcntl
from pathlib import Path
from typing import TextIO

from kindred.runtime.errors import InputError
from kindred_airflow import machine


def path(dag_id: str, name: str) -> Path:
    """Where the log of a run lies on this machine."""
    return machine.data_folder() / "logs" / f"{dag_id}-{name}.log"


def held(log: Path) -> TextIO:
    """The log of a run, open to be written by this process alone. Raises InputError where another one writes it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    file = log.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise InputError(f"run {log.stem!r} is at work already; wait for it, or take another RUN_ID") from None
    return file


def is_held(log: Path) -> bool:
    """Whether a process writes this log."""
    if not log.is_file():
        return False
    try:
        held(log).close()
    except InputError:
        return True
    return False
