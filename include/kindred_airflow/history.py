"""`make history`: which run was served since when, and who has promoted it, why, by which figures."""

import json
import os
import textwrap
from collections.abc import Sequence
from typing import Any

from kindred.runtime import storage
from kindred.runtime.errors import InputError
from kindred.serving import history
from kindred.serving.history import Entry
from kindred_airflow import command, machine

WIDTH = 100
MAX_NAME, MAX_USER = 40, 16  # characters of a run's name, and of a user's, that have their places in the line
FORMATS = ("", "text", "json")


def main() -> int:
    """List the promotions, the oldest first."""
    kind = os.environ.get("FORMAT") or ""
    if kind not in FORMATS:
        raise InputError(f"unknown FORMAT {kind!r}; known: text, json")
    machine.use_tracking()  # an alias that a command which was ended has left behind follows
    listed = history.entries()
    print(as_json(listed) if kind == "json" else "\n".join(as_text(listed)))
    return 0


def as_text(listed: Sequence[Entry]) -> list[str]:
    """The lines for a console of WIDTH columns: a head, then one or more for an entry, the last one of what is served.
    Times are in UTC.
    """
    if not listed:
        return [f"nothing was promoted yet in {storage.local(storage.data_root())}; `make promote RUN=name` does"]
    width = min(max(len(entry["to"]) for entry in listed), MAX_NAME)
    lines = [f"{'version':>7}  {'run':{width}}  {'since (UTC)':16}  {'by':{MAX_USER}}  test score"]
    for entry in listed:
        lines += _rows(entry, width)
    return [*lines, "", f"served: {listed[-1]['to']}; `make rollback TO=run` goes back, and takes an entry's id too"]


def _rows(entry: Entry, width: int) -> list[str]:
    """The line of an entry, below it the reason and the id; a long name has a line of its own."""
    version, when = str(entry["pointer"].get("version") or "-"), (entry["when"] or "not known")[:16].replace("T", " ")
    name, above = (entry["to"], []) if len(entry["to"]) <= width else ("", [entry["to"]])
    user = (entry["who"] or "-")[:MAX_USER]
    row = f"{version:>7}  {name:{width}}  {when:16}  {user:{MAX_USER}}  {score(entry['figures']['to'])}"
    reason = f"{entry['action']}{': ' if entry['reason'] else ''}{entry['reason']}"
    indented = textwrap.wrap(reason, WIDTH, initial_indent=" " * 9, subsequent_indent=" " * 9)
    return [*above, row, *indented, f"{'':9}{entry['id']}"]


def score(figures: dict[str, float] | None) -> str:
    """The score of a run on its test images, for a line.

    >>> score({"accuracy": 0.96664}), score({"mean_average_precision": 0.7}), score(None)
    ('accuracy 0.9666', 'mAP 0.7000', '-')
    """
    titles = {"accuracy": "accuracy", "mean_average_precision": "mAP"}
    return ", ".join(f"{titles[name]} {value:.4f}" for name, value in (figures or {}).items()) or "-"


def as_json(listed: Sequence[Entry]) -> str:
    """The same as one JSON object, with the whole pointers."""
    entries: list[dict[str, Any]] = list(listed)
    return json.dumps({"history": entries}, indent=1, ensure_ascii=False)


if __name__ == "__main__":
    command.exit_with(main)
