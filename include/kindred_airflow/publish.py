"""`make publish` and `make fetch`: a run's model, report and index to a bucket, and back to be served elsewhere."""

import os
import sys

from kindred.runtime import runs, storage
from kindred.runtime.errors import InputError
from kindred.serving import publishing
from kindred_airflow import command


def publish() -> None:
    """The command line of `make publish`."""
    usage = "say which run and which bucket: make publish RUN=name TO=s3://bucket/prefix"
    name, to = command.required("RUN", "TO", usage=usage)
    print(f"\n  {publishing.publish(runs.find_run(name), to, _say)}")


def fetch() -> None:
    """The command line of `make fetch`."""
    name, source = os.environ.get("RUN"), os.environ.get("FROM")
    if not name or not source:  # the runs to choose from lie in the bucket
        raise InputError("say which run and which bucket: make fetch RUN=name FROM=s3://bucket/prefix")
    print(f"\n  {storage.local(publishing.fetch(name, source, _say))}")


def _say(line: str) -> None:
    print(f"  {line}", flush=True)


if __name__ == "__main__":
    command.exit_with({"publish": publish, "fetch": fetch}[sys.argv[1]])
