"""`make project`: a project is written, replaced, or deleted."""

import os
from datetime import UTC, datetime

from kindred.runtime import make_command, projects, runs, schedules
from kindred.runtime.errors import InputError
from kindred.runtime.stages import SELF_TRAINING
from kindred_airflow import command, machine, managed_runs, params
from kindred_airflow.run import DATABASE

USAGE = "say which project: make project NAME=name SCHEDULE=@weekly CONF='{\"dataset\": ...}'"


def main() -> int:
    """Write the project NAME, or delete it where DELETE is set."""
    name = os.environ.get("NAME") or ""
    if not name:
        raise InputError(f"{USAGE}; known: {', '.join(projects.names()) or 'none'}")
    projects.checked_name(name)
    for line in _delete(name) if os.environ.get("DELETE") else _write(name):
        print(f"  {line}")
    return 0


def _write(name: str) -> list[str]:
    schedule, time_zone = os.environ.get("SCHEDULE"), os.environ.get("TIME_ZONE") or "UTC"
    schedules.checked(schedule)
    schedules.zone(time_zone)
    conf = params.read_conf(os.environ.get("CONF") or "{}")
    env = machine.environment(DATABASE) if managed_runs.is_local() else dict(os.environ)
    params.check_before_start(SELF_TRAINING, conf, env)
    lines = projects.put(name, conf, schedule, time_zone, datetime.now(UTC))
    due = _due(projects.get(name))
    return [*lines, f"{due}; now: {make_command.text('retrain', PROJECT=name)}"]


def _due(project: projects.Project) -> str:
    if project.schedule is None:
        return "no schedule"
    due = schedules.next_time(project.schedule, project.time_zone, datetime.now(UTC))
    return f"due {due:%Y-%m-%d %H:%M} ({project.time_zone}), while Airflow serves (`make up`)"


def _delete(name: str) -> list[str]:
    projects.delete(name)
    dag_id = projects.dag_id(name)
    kept = len(runs.known_runs(dag_id))
    return [f"project {name!r} is deleted; its {kept:,} runs stay: {make_command.text('runs', DAG=dag_id)}"]


if __name__ == "__main__":
    command.exit_with(main)
