"""The name of the run that a DAG run does, which names its folder."""

from typing import Any

SCHEDULED = "scheduled"  # Airflow's type of a DAG run


def of(dag_run: Any) -> str:
    """The field `run_name` of the form; where that is empty, of a scheduled run the time it was due, in UTC, in which
    no hour comes twice; of any other Airflow's run id.
    """
    if name := (dag_run.conf or {}).get("run_name"):
        return str(name)
    if dag_run.run_type == SCHEDULED and dag_run.logical_date is not None:
        return str(dag_run.logical_date.strftime("%Y-%m-%dT%H-%M"))
    return str(dag_run.run_id)
