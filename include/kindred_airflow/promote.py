"""`make promote`: a finished run becomes the one that is served."""

import os

from kindred.evaluation import challenge
from kindred.runtime import run_description, runs
from kindred.serving import promotion
from kindred_airflow import command, machine


def main() -> int:
    """Promote the run RUN, if the RULE allows it against the one that is served."""
    (name,) = command.required("RUN", usage="say which run: make promote RUN=name")
    machine.use_tracking()
    rule, reason = os.environ.get("RULE") or challenge.NO_WORSE, os.environ.get("REASON") or ""
    pointer = promotion.promote(runs.find_run(name), _say, rule, reason, run_description.account())
    print(f"  served    {pointer['name']}\n  model     {pointer['model']} version {pointer['version']}, alias champion")
    print("  `make search` shows it; open pages follow within seconds")
    return 0


def _say(line: str) -> None:
    print(f"  compared  {line}")


if __name__ == "__main__":
    command.exit_with(main)
