"""The lines of a log that are for a console, `[kindred] <stage>: <text>`: how they are written, how they are found."""

import re
from typing import NamedTuple

TAG = "[kindred]"
PROGRESS = "... "  # begins the text of a line that a terminal overwrites with the next one
_LINE = re.compile(rf"{re.escape(TAG)} (?P<stage>[\w./-]+)(?P<failed> failed)?: (?P<text>.*)")


class Line(NamedTuple):
    """`failed`: the text is the reason why the stage has failed."""

    stage: str
    text: str
    failed: bool


def one_line(text: str) -> str:
    r"""A text with escapes for what would break its line, such as a newline in the name of a file.

    >>> one_line("a\nb.png")
    'a\\nb.png'
    """
    return "".join(c if c.isprintable() or c == "\t" else c.encode("unicode_escape").decode() for c in text)


def progress(stage: str, text: str) -> str:
    """A line about the work of a stage.

    >>> progress("ingest", "done in 1.0 s")
    '[kindred] ingest: done in 1.0 s'
    """
    return f"{TAG} {stage}: {one_line(text)}"


def failure(stage: str, reason: str) -> str:
    """The line of a stage that has failed.

    >>> failure("ingest", "no such file: a.png")
    '[kindred] ingest failed: no such file: a.png'
    """
    return f"{TAG} {stage} failed: {one_line(reason)}"


def parse(line: str) -> Line | None:
    """What a line of a log says of a stage, whatever a logger has put before it; None where it is no such line.

    >>> parse("2026-01-01 INFO - [kindred] cell/random-500: started")
    Line(stage='cell/random-500', text='started', failed=False)
    >>> parse("26/01/01 WARN Utils: a warning of Spark's")
    """
    match = _LINE.search(line)
    return Line(match["stage"], match["text"], match["failed"] is not None) if match else None
