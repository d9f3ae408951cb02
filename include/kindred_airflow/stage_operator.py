"""The task of a stage: spark-submit, and what its end means."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from kindred.runtime import java, log_lines, stages, variants
from kindred_airflow import kept_driver, stage_numbers
from kindred_airflow.links import MlflowLink, ReportLink, SparkLink

if TYPE_CHECKING:
    from airflow.sdk import Context

JOBS = Path(__file__).parents[2] / "spark_jobs"
NO_OUTCOME = "was ended from outside, or did not start; see the log"

log = logging.getLogger("kindred")


def spark_master() -> str:
    """Where the connection spark_default sends jobs: spark://host:port, yarn, local[*] ..."""
    connection = Connection.get("spark_default")
    return f"{connection.host}:{connection.port}" if connection.port else connection.host


def driver_is_here() -> bool:
    """Whether jobs list files on this machine: Spark's drivers run here, unless the connection has them run among the
    workers, where a local path may be another folder.
    """
    return Connection.get("spark_default").extra_dejson.get("deploy-mode") != "cluster"


class StageOperator(SparkSubmitOperator):
    """spark-submit for one `stage` of the run with the URI `run`: spark_jobs/<job>.py with `arguments`, JSON by name.

    A failure shows the stage's own line, which the job leaves in its outcome, and bad input is not tried again. Its
    record in MLflow is made here, not in the job: that import would take each job seconds in which Spark has one core
    less. Other machines and accounts cannot reach a job with a local master. The links lead to the run in MLflow, to
    the report and to the Spark job.
    """

    template_fields = (*SparkSubmitOperator.template_fields, "run", "stage", "arguments")
    operator_extra_links = (MlflowLink(), ReportLink(), SparkLink())

    def __init__(
        self, *, job: str, run: Any, stage: str, arguments: dict[str, Any], position: str = "", **settings: Any
    ) -> None:
        super().__init__(
            application=str(JOBS / f"{job}.py"), name=f"kindred-{job}", conf=java.submit_settings(), **settings
        )
        self.job, self.run, self.stage, self.arguments = job, run, stage, arguments
        self.position = position  # among the tasks of this id, such as "7 of 20"

    def execute(self, context: Context) -> None:
        """Submit the job, and log its stage to MLflow. Raises AirflowFailException where trying again cannot help."""
        from kindred.runtime import outcomes, run_lifecycle, tracking
        from kindred.runtime.outcomes import Outcome

        task = context["ti"]
        try_id = f"{task.id}-{task.try_number}"  # `airflow dags test` keeps the id from try to try
        self.application_args = ["--run-uri", self.run, "--stage", self.stage, "--try-id", try_id]
        for name, value in self.arguments.items():  # a mapped number is no text yet
            self.application_args += [f"--{name}", value if isinstance(value, str) else json.dumps(value)]
        master = spark_master()
        self.env_vars = java.local_addresses(master) | kept_driver.environment(master)
        self.conf = {**(self.conf or {}), **java.local_settings(master)}
        started = time.time()
        self._announce(context)
        try:
            super().execute(context)
        except AirflowException as error:
            outcome = outcomes.find(self.run, self.stage, try_id)
            if outcome is None:  # the job could not say why: for the console
                log.error("%s", log_lines.failure(self.stage, NO_OUTCOME))
                outcome = Outcome(outcomes.FAILED, NO_OUTCOME, try_id=try_id)
                outcomes.put(self.run, self.stage, outcome)
            if outcome.status == outcomes.FAILED:
                self._fail(outcome.line, outcome.retry, started)
            log.warning("%s has committed its work; what failed afterwards: %s", self.stage, error)
        if json.dumps(variants.AUTO) in self.arguments.values():
            run_lifecycle.resolve(self.run, self.stage)
        tracking.log_stage(self.run, self.stage, started)

    def _announce(self, context: Context) -> None:
        """Say which stage begins: until its job speaks, Spark's start takes seconds."""
        dag = self.get_dag()  # None: the task stands alone
        planned = stage_numbers.planned(dag, dict(context["params"])) if dag else []
        work = stages.WORK.get(self.job) or stages.WORK.get(self.stage, "")
        log.info("%s", log_lines.progress(self.stage, stage_numbers.line(self.task_id, planned, work, self.position)))

    def _fail(self, reason: str, retry: bool, started: float) -> NoReturn:
        """Log the failure to MLflow, and raise what makes Airflow try again, or not: without the exception of
        spark-submit, which repeats the job's log.
        """
        from kindred.runtime import tracking

        try:
            tracking.log_failure(self.run, self.stage, reason, started)
        except Exception:  # the reason is what a person has to see, not that MLflow is away
            log.exception("the failure of %s could not be logged to MLflow", self.stage)
        raise (AirflowException if retry else AirflowFailException)(f"{self.stage} failed: {reason}") from None
