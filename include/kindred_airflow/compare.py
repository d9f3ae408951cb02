"""`make compare`: one page that puts finished runs side by side."""

import os
from pathlib import Path

from kindred.runtime import marks, runs, stages, storage
from kindred.runtime.errors import InputError
from kindred_airflow import command, machine

MAX_RUNS = 20  # of a filter: nobody can tell more lines of a plot apart; RUNS may name more


def main() -> int:
    """The command line of `make compare`."""
    names, query = (os.environ.get("RUNS") or "").split(), os.environ.get("FILTER") or ""
    if bool(names) == bool(query):
        usage = """make compare RUNS="a b c", or FILTER="tags.dataset = 'digits'" in the language of MLflow's search"""
        raise InputError(f"say which runs: {usage}; {command.finished_runs()}")
    folders = [runs.find_run(name) for name in names] if names else _matching(query)
    from kindred.report import comparison_page  # it loads Matplotlib

    page = comparison_page.compare(folders)
    page_path = Path(os.environ.get("OUT") or machine.data_folder() / "compare.html").expanduser().absolute()
    page_path.parent.mkdir(parents=True, exist_ok=True)
    page_path.write_bytes(page.html)
    page_path.with_suffix(".csv").write_bytes(page.csv)
    print(f"{page.headline}\n\n  {page_path}\n  {page_path.with_suffix('.csv')}")
    return 0


def _matching(query: str) -> list[str]:
    """The folders of the newest finished runs that match a filter in the language of MLflow's search."""
    from kindred.runtime import tracking

    machine.use_tracking()
    evaluated = [f for f in tracking.find_folders(query) if marks.mark_of(storage.join(f, stages.EVALUATE))]
    if len(evaluated) > MAX_RUNS:
        print(f"{len(evaluated)} runs match; the {MAX_RUNS} newest are compared")
    return evaluated[:MAX_RUNS]


if __name__ == "__main__":
    command.exit_with(main)
