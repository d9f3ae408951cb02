"""`make rollback`: what was served before is served again."""

import os

from kindred.runtime import run_description, runs, storage
from kindred.serving import champion, history
from kindred_airflow import command, machine


def main() -> int:
    """Go back to TO, a run or an entry of the history, else to what was served before the present run."""
    machine.use_tracking()
    cause = history.Cause(run_description.account(), os.environ.get("REASON") or "")
    to = os.environ.get("TO") or ""
    if "://" in to or to.startswith(("/", "./", "../", "~")):  # the folder of a run
        to = runs.name_of(storage.uri(to))
    pointer = champion.rollback(to, cause)
    promotion = pointer["promotion"]
    print(f"  served    {pointer['name']}, again; before: {promotion['from']}\n  reason    {promotion['reason']}")
    print(f"  model     {pointer['model']} version {pointer['version']}, alias champion; `make history` lists all")
    return 0


if __name__ == "__main__":
    command.exit_with(main)
