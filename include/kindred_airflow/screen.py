"""Where a command prints: whole lines, and on a terminal below them one that is overwritten, so that a wait is seen."""

import os
import shutil
import signal
import sys
import threading
import time
from typing import Self

from kindred.runtime import durations
from kindred_airflow import command
from kindred_airflow.signals import Stopped

CLEAR = "\r\x1b[K"
SILENT_SECONDS = 3.0  # after which a terminal shows how long the last line has been the last
TICK_SECONDS = 1.0


class Screen:
    """Prints on standard output. Inside its block a terminal shows how long a silence has lasted."""

    def __init__(self) -> None:
        self.terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True)
        self._overwritable = False  # the last line
        self._waiting_for = ""  # the beginning of the line that a silence shows; empty: none
        self._printed = time.monotonic()

    def __enter__(self) -> Self:
        if self.terminal:
            self._ticker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._ticker.is_alive():
            self._ticker.join()
        with self._lock:
            self._clear()

    def line(self, text: str, waiting_for: str = "") -> None:
        """One line that stays. What follows it may take long: a terminal shows then `waiting_for` and how long."""
        with self._lock:
            self._clear()
            _write(f"{text}\n")
            self._waiting_for, self._printed = waiting_for, time.monotonic()

    def overwritten(self, text: str) -> None:
        """One line that the next one overwrites, for a terminal; cut where it does not fit into its width."""
        with self._lock:
            self._overwrite(text)
            self._waiting_for = ""

    def _overwrite(self, text: str) -> None:
        _write(f"{CLEAR}{text[: shutil.get_terminal_size().columns - 1]}")
        self._overwritable = True

    def _clear(self) -> None:
        if self._overwritable:
            _write(CLEAR)
            self._overwritable = False

    def _tick(self) -> None:
        while not self._over.wait(TICK_SECONDS):
            with self._lock:
                silent = time.monotonic() - self._printed
                if self._waiting_for and silent >= SILENT_SECONDS:
                    seconds = durations.text(silent) if silent >= 10 else f"{silent:.0f} s"
                    self._overwrite(f"{self._waiting_for} {seconds}")


def _write(text: str) -> None:
    """Raises Stopped where nobody reads the pipe any more; a terminal that is gone ends nothing: SIGHUP does."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise Stopped(signal.SIGPIPE) from None
    except OSError:
        command.leave_lost_terminal()
