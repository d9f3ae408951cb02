"""What ends a command, and what it does where nobody reads it any more."""

import os
import pty
import signal
import sys
from collections.abc import Iterator

import pytest

from kindred_airflow import command, signals
from kindred_airflow.console import Console
from kindred_airflow.signals import Stopped


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in signals.ENDING}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_is_an_exit_with_the_status_of_shells(number: int, status: int) -> None:
    signals.listen()

    with pytest.raises(SystemExit) as ended:
        os.kill(os.getpid(), number)

    assert ended.value.code == status


def test_a_hang_up_that_nohup_ignores_ends_nothing() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

    signals.listen()
    os.kill(os.getpid(), signal.SIGHUP)

    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_while_something_ends_no_signal_comes_between() -> None:
    signals.listen()

    with signals.ignored():
        os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Stopped):
        os.kill(os.getpid(), signal.SIGTERM)


def test_a_server_is_asked_to_end_at_a_hang_up_and_may_end_first() -> None:
    signals.listen()
    asked: list[str] = []

    def serve() -> None:
        with signals.handed_on(lambda: asked.append("end")):
            os.kill(os.getpid(), signal.SIGHUP)
            asked.append("ended")

    with pytest.raises(Stopped) as stopped:
        serve()

    assert asked == ["end", "ended"]
    assert stopped.value.name == "SIGHUP"


def test_a_reader_that_has_gone_ends_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)

    with os.fdopen(writer, "w") as console:
        monkeypatch.setattr(sys, "stdout", console)
        with pytest.raises(Stopped) as stopped:
            Console().print_line("ingest", "started")
        command.leave_lost_terminal()

    assert stopped.value.code == 128 + signal.SIGPIPE


def test_a_terminal_that_has_gone_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    main, terminal = pty.openpty()
    os.close(main)

    with os.fdopen(terminal, "w") as console:
        monkeypatch.setattr(sys, "stdout", console)
        Console().print_line("ingest", "started")
        Console().print_line("ingest", "done in 1.0 s")
