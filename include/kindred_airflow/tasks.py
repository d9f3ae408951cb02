"""What DAGs are made of: `open_run`, `submit` for each stage, `close_run`."""

import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import task
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from kindred import jvm

JOBS = Path(__file__).parents[2] / "spark_jobs"
POOL = "spark"
TAG = "[kindred]"
DEFAULT_ARGS = {"retries": 2, "retry_delay": timedelta(seconds=10)}

log = logging.getLogger("kindred")


@task(retries=0)
def open_run(**context) -> str:
    """Make the run's folder, or find it again, and its MLflow run; the folder's URI is all that goes through XCom."""
    from kindred import opening
    from kindred.errors import InputError

    dag_run, params = context["dag_run"], dict(context["params"])
    try:
        return opening.open_run(dag_run.dag_id, dag_run.run_id, params, dag_run.conf or {})
    except InputError as error:
        log.error("%s open_run failed: %s", TAG, error)
        raise AirflowFailException(str(error)) from None


@task(trigger_rule="all_done", retries=0)
def close_run(run: str | None, **context) -> None:
    """Merge the figures into metrics.json and MLflow's parent run, and close that. Fails where a task before it failed."""
    from kindred import opening

    here = context["ti"]
    states = here.get_task_states(dag_id=here.dag_id, run_ids=[here.run_id])[here.run_id]
    failed = sorted(name for name, state in states.items() if state == "failed")
    if run is not None:  # else the run was never opened
        opening.close_run(run, succeeded=not failed)
    if failed:
        raise AirflowFailException(f"failed: {', '.join(failed)}")


class StageOperator(SparkSubmitOperator):
    """spark-submit for one stage. A failure shows the stage's own line; bad input is not tried again."""

    def execute(self, context: Any) -> None:
        try:
            super().execute(context)
        except AirflowException as error:
            said = [line for line in str(error).splitlines() if TAG in line and " failed: " in line]
            if not said:
                raise
            line = said[-1].split(TAG, 1)[1].strip()
            kind = AirflowFailException if "Error code is: 2." in str(error) else AirflowException
            raise kind(line) from None


def submit(job: str, run: Any, arguments: tuple[str, ...] = (), stage: str | None = None) -> StageOperator:
    """The task of a stage: spark_jobs/<job>.py with the run's URI and, as JSON, the form's values named by `arguments`."""
    stage = stage or job
    values = [text for name in arguments for text in (f"--{name}", f"{{{{ params.{name} | tojson }}}}")]
    return StageOperator(
        task_id=stage,
        name=f"kindred-{stage}",
        application=str(JOBS / f"{job}.py"),
        application_args=["--run", run, "--stage", stage, *values],
        conf=jvm.submit_settings(),
        pool=POOL,
    )
