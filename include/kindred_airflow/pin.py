"""`make pin` and `make unpin`: runs that neither `make delete` nor `make prune` touches."""

import sys

from kindred.runtime import kept_runs, marks, run_deletion, runs, storage
from kindred_airflow import command, managed_runs


def pin() -> None:
    """Pin the runs that RUN names."""
    command.required("RUN", usage="say which run: make pin RUN=name")
    with marks.locked(storage.join(storage.data_root(), "runs")):  # against who deletes them
        for run in managed_runs.named():
            run_deletion.check_not_begun(run)
            kept_runs.pin(run)
            name = runs.name_of(run)
            print(f"  {name} is pinned: it is not deleted until `make unpin RUN={name}`")


def unpin() -> None:
    """Unpin them."""
    command.required("RUN", usage="say which run: make unpin RUN=name")
    for run in managed_runs.named():
        was_pinned = kept_runs.unpin(run)
        print(f"  {runs.name_of(run)} {'is no longer pinned' if was_pinned else 'was not pinned'}")


if __name__ == "__main__":
    command.exit_with({"pin": pin, "unpin": unpin}[sys.argv[1]])
