"""`make compare`: one page that puts finished runs side by side."""

import os
from pathlib import Path

from kindred.runtime import marks, runs, storage
from kindred.runtime.errors import InputError
from kindred_airflow import command, machine

MOST = 20  # runs of a filter: more lines than that nobody tells apart


def main() -> int:
    """The command line of `make compare`."""
    names, wanted = (os.environ.get("RUNS") or "").split(), os.environ.get("FILTER")
    if bool(names) == bool(wanted):
        usage = """make compare RUNS="a b c", or FILTER="tags.dataset = 'digits'" in the language of MLflow's search"""
        raise InputError(f"say which runs: {usage}; {command.finished()}")
    folders = [runs.find_run(name) for name in names] if names else _filtered(wanted)
    from kindred.report import compare_runs  # it loads Spark's modules

    page, table, says = compare_runs.pages(folders)
    place = Path(os.environ.get("OUT") or machine.data() / "compare.html").expanduser().absolute()
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(page)
    place.with_suffix(".csv").write_bytes(table)
    print(f"{says}\n\n  {place}\n  {place.with_suffix('.csv')}")
    return 0


def _filtered(wanted: str) -> list[str]:
    """The folders of the finished runs that MLflow's filter finds, newest first."""
    from kindred.runtime import tracking

    machine.use_tracking()
    found = [folder for folder in tracking.find_folders(wanted) if marks.mark_of(storage.join(folder, "evaluate"))]
    if len(found) > MOST:
        print(f"{len(found)} runs are found; the {MOST} newest are compared")
    return found[:MOST]


if __name__ == "__main__":
    command.end_with(main)
