"""`make promote`: a finished run becomes the one that is served."""

import os

from kindred.runtime import run_description, runs
from kindred.serving import champion
from kindred.serving.history import Cause
from kindred_airflow import command, machine


def main() -> int:
    """Promote the run RUN."""
    (name,) = command.required("RUN", usage="say which run: make promote RUN=name")
    machine.use_tracking()
    cause = Cause(run_description.account(), os.environ.get("REASON") or "")
    pointer = champion.promote(runs.find_run(name), cause)
    print(f"  served    {pointer['name']}\n  model     {pointer['model']} version {pointer['version']}, alias champion")
    print("  `make search` shows it; open pages follow within seconds")
    return 0


if __name__ == "__main__":
    command.exit_with(main)
