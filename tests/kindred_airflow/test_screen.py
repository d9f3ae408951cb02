"""What a terminal and a pipe get: lines that stay, one that is overwritten, and how long a silence lasts."""

import os
import pty
import sys
from collections.abc import Iterator
from typing import TextIO

import pytest

from kindred_airflow import screen
from kindred_airflow.console import Console
from kindred_airflow.screen import CLEAR, Screen


@pytest.fixture
def inner(monkeypatch: pytest.MonkeyPatch) -> Iterator[TextIO]:
    """The inner end of a terminal of 40 columns, for standard output; `read` reads the other one."""
    main, inner = pty.openpty()
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.delenv("TERM", raising=False)
    with os.fdopen(inner, "w") as output:
        output.main = main
        yield output
    os.close(main)


def read(inner: TextIO, end: str) -> str:
    """What the terminal has got, until it ends with `end`."""
    text = ""
    while not text.endswith(end):
        text += os.read(inner.main, 10_000).decode().replace("\r\n", "\n")
    return text


def test_progress_is_one_line_of_a_terminal_cut_to_its_width(inner, monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdout", inner)  # here: pytest captures anew after the fixtures
    console = Console()

    for line in ("ingest: ... 10%", f"ingest: ... {'x' * 90}", "ingest: done in 1.0 s"):
        console.show(f"[kindred] {line}")

    texts = read(inner, "1.0 s\n").split(CLEAR)
    assert texts[:2] == ["", "  ingest         10%"]
    assert texts[2] == f"  ingest         {'x' * 22}"
    assert texts[3] == "  ingest         done in 1.0 s\n"


def test_a_terminal_shows_how_long_a_silence_lasts_and_forgets_it(inner, monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdout", inner)
    monkeypatch.setattr(screen, "TICK_SECONDS", 0.01)
    monkeypatch.setattr(screen, "SILENT_SECONDS", 0.0)

    with Screen() as shown:
        Console(shown).print_line("checking", "the values")
        text = read(inner, " 0 s")

    text += read(inner, CLEAR)
    assert text.startswith(f"  checking       the values\n{CLEAR}  checking       ... 0 s")


def test_a_pipe_gets_whole_lines_without_control_characters(capsys, monkeypatch) -> None:
    monkeypatch.setattr(screen, "TICK_SECONDS", 0.01)

    with Screen() as shown:
        console = Console(shown)
        for line in ("ingest: stage 1 of 10", "ingest: ... 10%", "ingest: done in 1.0 s"):
            console.show(f"[kindred] {line}")

    output = capsys.readouterr().out
    assert output == "  ingest         stage 1 of 10\n  ingest         ... 10%\n  ingest         done in 1.0 s\n"
    assert output.replace("\n", "").isprintable()


def test_a_dumb_terminal_is_written_to_like_a_pipe(inner, monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdout", inner)
    monkeypatch.setenv("TERM", "dumb")

    Console().show("[kindred] ingest: ... 10%")

    assert read(inner, "\n") == "  ingest         ... 10%\n"
