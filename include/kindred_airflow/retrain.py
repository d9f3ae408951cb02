"""`make retrain`: one run of a project on this machine, now, without a server."""

import os

from kindred.runtime import projects
from kindred.runtime.errors import InputError
from kindred_airflow import command, run


def main() -> int:
    """Run the project PROJECT once."""
    name = os.environ.get("PROJECT") or ""
    if not name:
        known = ", ".join(projects.names()) or "none yet, `make project NAME=name` makes one"
        raise InputError(f"say which project: make retrain PROJECT=name; known: {known}")
    return run.main(projects.dag_id(name))


if __name__ == "__main__":
    command.exit_with(main)
