"""What the commands behind make share: their values come from the environment, where make puts them."""

import os
import sys
from collections.abc import Callable

from kindred.runtime import runs
from kindred.runtime.errors import InputError
from kindred_airflow import private_files, signals

SHOWN_RUNS = 9  # names, in an error


def exit_with(main: Callable[[], int | None]) -> None:
    """End the process with the status that `main` returns; bad input ends it in one line and status 1. Other accounts
    cannot read what it makes. Signals end it as `signals` says.
    """
    private_files.make_private()
    signals.listen()
    try:
        sys.exit(main())
    except InputError as error:
        sys.exit(f"kindred: {error}")
    finally:
        leave_lost_terminal()


def leave_lost_terminal() -> None:
    """Where the terminal, or who reads from a pipe, is gone, let what is still to be printed go nowhere."""
    try:
        sys.stdout.flush()
    except OSError:
        with open(os.devnull, "w") as null:
            os.dup2(null.fileno(), sys.stdout.fileno())


def required(*names: str, usage: str) -> list[str]:
    """The environment variables of these names. Raises InputError, with the usage and the runs that there are, where
    one is not set.
    """
    values = [os.environ.get(name) or "" for name in names]
    if not all(values):
        raise InputError(f"{usage}; {finished_runs()}")
    return values


def finished_runs() -> str:
    """Which runs there are to choose from, the newest ones."""
    known = runs.known_runs()
    return f"finished runs: {', '.join(known[-SHOWN_RUNS:])}" if known else "`make run` makes a run"
