"""What DAGs are made of: `open_run`, `submit` for each stage, `close_run`."""

import contextlib
import json
import logging
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import Connection, task
from airflow.sdk.definitions.mappedoperator import MappedOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from kindred import jvm, runs
from kindred_airflow.links import MlflowLink, ReportLink, SparkLink

JOBS = Path(__file__).parents[2] / "spark_jobs"
POOL = "spark"
TAG = "[kindred]"
DEFAULT_ARGS = {"retries": 2, "retry_delay": timedelta(seconds=10)}

log = logging.getLogger("kindred")


@contextlib.contextmanager
def in_one_line(name: str) -> Iterator[None]:
    """Bad input ends the task `name` with its own line for the console, and is not tried again."""
    from kindred.errors import InputError

    try:
        yield
    except InputError as error:
        log.error("%s %s failed: %s", TAG, name, error)
        raise AirflowFailException(str(error)) from None


@task(retries=0)
def open_run(part: str = "", values: dict | None = None, **context) -> str:
    """Make the run's folder, or find it again, and its MLflow run; the folder's URI is all that goes through XCom.

    A DAG of several runs names its `part`, and gives the `values` that are not on its form.
    """
    from kindred import opening, places

    dag_run, params = context["dag_run"], dict(context["params"])
    with in_one_line("open_run"):
        opening.check_names(dag_run.conf or {}, params)
        places.check(spark_master())
        folder = opening.open_run(dag_run.dag_id, dag_run.run_id, {**params, **(values or {})}, part)
    if part:
        log.info("%s open_run: %s, in %s", TAG, part, folder.removeprefix("file://"))
    return folder


def spark_master() -> str:
    """Where the connection spark_default sends jobs: spark://host:port, yarn, local[*] ..."""
    connection = Connection.get("spark_default")
    return f"{connection.host}:{connection.port}" if connection.port else connection.host


@task(trigger_rule="all_done", retries=0)
def close_run(run: str | None, **context) -> None:
    """Merge the figures into metrics.json and MLflow's parent run, and close that. Fails where a task before it
    failed.
    """
    from kindred import opening

    here = context["ti"]
    states = here.get_task_states(dag_id=here.dag_id, run_ids=[here.run_id])[here.run_id]
    group = here.task_id.rpartition(".")[0]
    failed = sorted(name for name, state in states.items() if state == "failed" and name.startswith(group))
    if run is not None:  # else the run was never opened
        opening.close_run(run, succeeded=not failed)
    if failed:
        raise AirflowFailException(f"failed: {', '.join(failed)}")


class StageOperator(SparkSubmitOperator):
    """spark-submit for one stage, and its record in MLflow. A failure shows the stage's own line, and bad input is not
    tried again. Its links lead to the run in MLflow, to the report and to the Spark job.

    MLflow is told here, not in the job: its import would take each job seconds in which Spark has one core less.
    """

    operator_extra_links = (MlflowLink(), ReportLink(), SparkLink())

    def execute(self, context: Any) -> None:
        self.application_args = [str(part) for part in self.application_args]  # a mapped value is no text yet
        _, run, _, stage, *_ = self.application_args
        started = time.time()
        try:
            super().execute(context)
        except AirflowException as error:
            from kindred import tracking

            said = [line for line in str(error).splitlines() if TAG in line and " failed: " in line]
            line = said[-1].split(TAG, 1)[1].strip() if said else f"{stage} was ended from outside"
            tracking.log_failure(run, stage, line, started)
            kind = AirflowFailException if "Error code is: 2." in str(error) else AirflowException
            raise kind(line) from (None if said else error)
        from kindred import tracking

        tracking.log_stage(run, stage, started)


def submit(
    job: str,
    run: Any,
    arguments: tuple[str, ...] = (),
    stage: str | None = None,
    values: dict | None = None,
    **settings: Any,
) -> StageOperator:
    """The task of a stage: spark_jobs/<job>.py with the run's URI and its `arguments` as JSON.

    An argument's value is that of the form's field, unless `values` has it (a number may be one that is mapped);
    `settings` are Airflow's.
    """
    stage, values = stage or job, values or {}
    form = {n: f"{{{{ params.{n} | tojson }}}}" for n in arguments}
    given = {n: v if hasattr(v, "resolve") else json.dumps(v) for n, v in values.items() if n in arguments}
    return StageOperator(
        task_id=stage,
        application_args=application_args(run, stage, {**form, **given}),
        **_operator(job, stage),
        **settings,
    )


def submit_each(job: str, commands: Any) -> MappedOperator:
    """The task of a stage that is there many times: spark_jobs/<job>.py for each of the `application_args` that a
    task before it returns.
    """
    name = "{{ task.application_args[3] }}"  # the stage's
    return StageOperator.partial(task_id=job, map_index_template=name, **_operator(job, job)).expand(
        application_args=commands
    )


def application_args(run: Any, stage: str, texts: dict[str, Any]) -> list:
    """The command line of a job: its run's URI, its stage, and its arguments as JSON by name."""
    return ["--run-uri", run, "--stage", stage, *(part for n, text in texts.items() for part in (f"--{n}", text))]


def _operator(job: str, stage: str) -> dict[str, Any]:
    application = str(JOBS / f"{job}.py")
    return {"name": f"kindred-{stage}", "application": application, "conf": jvm.submit_settings(), "pool": POOL}


def self_training(run: Any, values: dict | None = None, attacked: bool = False) -> list[StageOperator]:
    """The stages of self-training, in their order, with the attack where the DAG's form has its fields; `values` stand
    in for fields that it does not have.
    """
    train = ("classifier", "folds", "seed")
    return [
        submit("ingest", run, ("dataset", "path", "limit", "leaks"), values=values),
        submit("featurize", run, ("extractor", "image_size", "weights"), values=values),
        submit(
            "choose_labels",
            run,
            ("labels_per_class", "labels", "label_choice", "stratified", "seed"),
            values=values,
        ),
        submit("train", run, train, "train_base", values),
        submit(
            "pseudo_label",
            run,
            ("labeller", "threshold", "class_thresholds", "percentile", "clusters", "novelty", "seed"),
            values=values,
        ),
        submit("train", run, train, "train_final", values),
        submit("gate", run, ("gate",), values=values),
        submit("build_index", run),
        submit("evaluate", run),
        *([attack(run)] if attacked else []),
        submit("report", run, ("projection",), values=values, trigger_rule="none_failed"),  # the attack may be skipped
    ]


def attack(run: Any) -> StageOperator:
    """The stage that tries to fool both models; skipped unless the form's box is ticked."""
    numbers = ("attack_images", "attack_queries", "attack_epsilon_l2", "attack_epsilon_linf")
    return submit("attack", run, ("attacks", *numbers, "seed"), pre_execute=_skip_unless_asked)


def _skip_unless_asked(context: Any) -> None:
    """Skip the task, and take back what it committed when the run was started with the box ticked: those figures
    may be of other models.
    """
    if not context["params"]["attack"]:
        _, run, _, stage, *_ = context["task"].application_args
        runs.delete(runs.join(run, stage, runs.MARK))
        raise AirflowSkipException("the box attack is not ticked")


@task(retries=0)
def compare(reproduced: str, ours: str, **context) -> None:
    """The table of the published study, its reproduction and this pipeline's own result."""
    from kindred import published

    for line in published.compare(reproduced, ours).splitlines():
        log.info("%s", line)


@task(retries=0)
def promote(**context) -> None:
    """Serve the run that the form names."""
    from kindred import runs, served

    with in_one_line("promote"):
        pointer = served.publish(runs.find_run(context["params"]["run"], "self_training"))
    log.info("serving %s; model %s version %s", pointer["name"], pointer["model"], pointer["version"])
