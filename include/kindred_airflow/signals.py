"""What ends a command: a signal, or the end of the `make` that started it. Its exit status is 128 and the signal's
number, as in shells.
"""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

MAKE = "KINDRED_MAKE"  # the process id of the `make` that has started the command; the Makefile sets it
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
POLL_SECONDS = 1.0


class Stopped(SystemExit):
    """The command has to end, as by this signal: what it has started, too."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.name = signal.Signals(number).name


def listen() -> None:
    """Raise Stopped at Ctrl-C, SIGTERM, the end of the terminal (SIGHUP, unless `nohup` has it ignored) and the end of
    `make`. The end of any other process above (a shell, cron) ends nothing.
    """
    for number in ENDING:
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)
    make = os.environ.pop(MAKE, "")
    if make.isdigit():
        threading.Thread(target=_end_with, args=(int(make),), daemon=True).start()


@contextlib.contextmanager
def ignored() -> Iterator[None]:
    """Take no signal inside the block: it ends something already."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def handed_on(ask: Callable[[], None]) -> Iterator[None]:
    """For a server that ends by itself at Ctrl-C and SIGTERM, and runs inside the block: at SIGHUP it is asked to end,
    and Stopped is raised when it has.
    """
    came: list[int] = []

    def take(number: int, frame: FrameType | None) -> None:
        came.append(number)
        ask()

    if signal.getsignal(signal.SIGHUP) is _stop:
        signal.signal(signal.SIGHUP, take)
    yield
    if came:
        raise Stopped(came[0])


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped(number)


def _end_with(make: int) -> None:
    hung_up = 0
    while os.getppid() == make and hung_up < 2:  # once may be while it starts another recipe
        time.sleep(POLL_SECONDS)
        hung_up = hung_up + 1 if _hangs_up(make) else 0
    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    os.kill(os.getpid(), signal.SIGTERM if ignored else signal.SIGHUP)


def _hangs_up(make: int) -> bool:
    """Whether `make` has got a SIGHUP: it does not hand it on, and waits for its children with the signal blocked. Only
    Linux shows this; elsewhere SIGHUP has to reach the command itself, as it does where a terminal is closed.
    """
    try:
        status = Path(f"/proc/{make}/status").read_text()
    except OSError:
        return False
    blocked = next((int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigBlk:")), 0)
    return bool(blocked >> (signal.SIGHUP - 1) & 1)
