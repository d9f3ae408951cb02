"""`make publish` and `make fetch`: a run's model, report and index to a bucket, and back to be served elsewhere."""

import os
import sys

from kindred import runs, transfer
from kindred.errors import InputError


def publish() -> str:
    """The command line of `make publish`: its values come from the environment, where make puts them."""
    name, to = _given("RUN", "TO", "make publish RUN=name TO=s3://bucket/prefix")
    return transfer.publish(runs.find_run(name, "self_training"), to, _say)


def fetch() -> str:
    """The same for `make fetch`."""
    name, source = _given("RUN", "FROM", "make fetch RUN=name FROM=s3://bucket/prefix")
    return runs.local(transfer.fetch(name, source, _say))


def _given(one: str, other: str, usage: str) -> tuple[str, str]:
    values = os.environ.get(one), os.environ.get(other)
    if not all(values):
        raise InputError(f"say which run and which bucket: {usage}")
    return values


def _say(line: str) -> None:
    print(f"  {line}", flush=True)


if __name__ == "__main__":
    commands = {"publish": publish, "fetch": fetch}
    try:
        print(f"\n  {commands[sys.argv[1]]()}")
    except InputError as error:
        sys.exit(f"kindred: {error}")
