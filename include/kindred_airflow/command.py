"""What the commands behind make share: their values come from the environment, where make puts them."""

import os
import sys
from collections.abc import Callable

from kindred.runtime import runs
from kindred.runtime.errors import InputError

SHOWN = 9  # names of runs


def end_with(main: Callable[[], int | None]) -> None:
    """End the process as `main` says; bad input ends it in one line and status 1."""
    try:
        sys.exit(main())
    except InputError as error:
        sys.exit(f"kindred: {error}")


def given(*names: str, say: str) -> list[str]:
    """The environment variables of these names. Raises InputError, with `say` and the runs that there are, where one
    is not set.
    """
    values = [os.environ.get(name) for name in names]
    if not all(values):
        raise InputError(f"{say}; {finished()}")
    return values


def finished() -> str:
    """Which runs there are to choose from, the newest ones."""
    known = runs.known_runs()
    return f"finished runs: {', '.join(known[-SHOWN:])}" if known else "`make run` makes a run"
