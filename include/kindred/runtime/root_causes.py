"""The one line of an error that says what went wrong: Spark wraps the errors of its workers and of Java in pages of its
own.
"""

import re
from collections.abc import Iterator

MAX_CHARACTERS = 300
_TRACEBACK = "Traceback (most recent call last):"
# What stands before a cause in Java's text: the call, the chain, the task that was lost (and where it ran).
_CAUSE = re.compile(r"^(?:Caused by: |: )(?P<cause>[\w.$]+(?:: .*)?)$", re.M)
_LOST_TASK = re.compile(r"^.*Lost task \S+ in stage \S+ \(TID \d+\) \(.*?\): (?=[\w.$]+(?:: |$))")


def line_of(error: BaseException) -> str:
    """The root cause as `type: text`, on one line.

    >>> line_of(ValueError("first\\nsecond"))
    'ValueError: first'
    >>> line_of(RuntimeError("from a worker:\\nTraceback (most recent call last):\\n  File x\\nKeyError: 'cat'\\n"))
    "KeyError: 'cat'"
    """
    while (cause := getattr(error, "_cause", None)) is not None and str(cause).strip():  # PySpark's chain
        error = cause
    text = str(error)
    found = _python_line(text) or _java_line(text)
    if found is None:
        first = next((line for line in text.splitlines() if line.strip()), "")
        found = f"{type(error).__name__}: {first}"
    return re.sub(r" SQLSTATE: \w+$", "", found)[:MAX_CHARACTERS]


def _python_line(text: str) -> str | None:
    """The last line of the last Python traceback in a text: frames and what Java adds are indented."""
    _, found, block = text.rpartition(_TRACEBACK)
    lines = (line for line in block.splitlines() if line and not line[0].isspace())
    return _short(next(lines, "")) or None if found else None


def _java_line(text: str) -> str | None:
    """The last of Java's causes that says something: the very last may be a bare EOFException."""
    causes = list(_java_causes(text))
    return next((cause for cause in reversed(causes) if ": " in cause), causes[-1] if causes else None)


def _java_causes(text: str) -> Iterator[str]:
    for match in _CAUSE.finditer(text):
        yield _short(_LOST_TASK.sub("", match["cause"]))


def _short(line: str) -> str:
    """`package.Type: text` as `Type: text`."""
    return re.sub(r"^(?:[\w$]+\.)+(?=[\w$]+(?:: |$))", "", line)
