"""`make promote`: a finished run becomes the one that is served."""

import os
import sys

from kindred import runs, served
from kindred.errors import InputError
from kindred_airflow import machine


def main() -> int:
    """Promote the run RUN."""
    name = os.environ.get("RUN")
    if not name:
        known = runs.known_runs("self_training")
        hint = f"; finished runs: {', '.join(known[-9:])}" if known else "; `make run` makes a run"
        raise InputError(f"say which run: make promote RUN=name{hint}")
    os.environ.setdefault("MLFLOW_TRACKING_URI", machine.tracking_uri())
    pointer = served.publish(runs.find_run(name, "self_training"))
    print(f"  served    {pointer['name']}\n  model     {pointer['model']} version {pointer['version']}, alias champion")
    print("  `make search` shows it; a page that is open follows")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except InputError as error:
        sys.exit(f"kindred: {error}")
