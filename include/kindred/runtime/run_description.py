"""What MLflow's page of a run says first: a description in Markdown, the source, and who has started it."""

import getpass
from typing import Any

from kindred.runtime import file_names, projects, stages

NOTE, USER = "mlflow.note.content", "mlflow.user"
SOURCE_NAME, SOURCE_TYPE = "mlflow.source.name", "mlflow.source.type"
INHERITED = (USER, SOURCE_NAME, SOURCE_TYPE)  # of a stage's run from the DAG's


def tags(dag_id: str, run: str, values: dict[str, Any], user: str | None = None) -> dict[str, str]:
    """The tags of MLflow's own of a run that begins; `user` as Airflow knows who has triggered it, else the account's.

    >>> found = tags("self_training", "first", {"dataset": "digits", "extractor": "pixels"}, "ada")
    >>> found["mlflow.user"], found["mlflow.source.name"], found["mlflow.note.content"]
    ('ada', 'dags/self_training.py', 'Run `first` of `self_training`: dataset `digits`, extractor `pixels`.')
    """
    project = projects.of_dag(dag_id)
    source = f"{projects.FOLDER}/{project}{projects.SUFFIX}" if project else f"dags/{dag_id}.py"
    found = {NOTE: note(dag_id, run, values), SOURCE_NAME: source, SOURCE_TYPE: "LOCAL"}
    name = user or account()
    return found | ({USER: name} if name else {})


def note(dag_id: str, run: str, values: dict[str, Any], summary: str = "", report: bool = False) -> str:
    """The description of a run; with the table of its end, and where the report is, once there are any."""
    facts = [f"{name} `{value}`" for name, value in stages.shown(values).items() if value is not None]
    lines = [f"Run `{run}` of `{dag_id}`{': ' if facts else ''}{', '.join(facts)}."]
    if summary.strip():
        lines += ["", "```", summary.strip("\n"), "```"]
    if report:
        lines += ["", f"The report is the artifact `{file_names.REPORT}`."]
    return "\n".join(lines)


def account() -> str | None:
    """The name of the account that this process belongs to, where it has one."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # an account without a name, as in containers
        return None
