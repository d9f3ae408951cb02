"""`make projects`: which projects there are, when each is due, and how good its last run is."""

import time
from datetime import UTC, datetime

from kindred.runtime import projects, run_folders, run_list, runs, schedules, storage
from kindred.runtime.errors import InputError
from kindred.runtime.file_names import METRICS
from kindred.runtime.run_folders import RunFolder
from kindred_airflow import command, list_runs, managed_runs

HEADER = ("project", "schedule", "next", "last run", "opened", "state", "accuracy")


def main() -> int:
    """List the projects."""
    print("\n".join(lines(datetime.now(UTC))))
    return 0


def lines(now: datetime) -> list[str]:
    """The lines for a console, below them the files that are no projects."""
    rows: list[tuple[str, ...]] = [HEADER]
    broken = []
    for name in projects.names():
        try:
            rows.append(_row(name, projects.get(name), now))
        except InputError as error:
            broken.append(str(error))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = ["  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    if len(rows) == 1:
        where = storage.local(storage.join(storage.data_root(), projects.FOLDER))
        table = [f"no project in {where}; `make project NAME=name SCHEDULE=@weekly` makes one"]
    return [*table, *broken, *(f"{file!r} is no project: its name is not that of one" for file in projects.others())]


def _row(name: str, project: projects.Project, now: datetime) -> tuple[str, ...]:
    due = "-"
    if project.schedule:
        moment = max(now, project.since)
        due = f"{schedules.next_time(project.schedule, project.time_zone, moment):%Y-%m-%d %H:%M} {project.time_zone}"
    return (name, project.schedule or schedules.NONE, due, *_last_run(projects.dag_id(name)))


def _last_run(dag_id: str) -> tuple[str, str, str, str]:
    """The run of a DAG that was opened last: name, when, state, score."""
    found: list[RunFolder] = [run_folders.read(runs.run_folder(dag_id, name)) for name in runs.known_runs(dag_id)]
    if not found:
        return "-", "-", "-", "-"
    last = max(found, key=RunFolder.opened)
    figures = last.small.get(METRICS, {})
    opened = time.strftime("%Y-%m-%d %H:%M", time.localtime(last.opened())) if last.opened() else "-"
    score = list_runs.score(figures.get(run_list.ACCURACY), figures.get(run_list.PRECISION))
    return last.name.rpartition("/")[2], opened, last.state(managed_runs.alive), score


if __name__ == "__main__":
    command.exit_with(main)
