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

from kindred.runtime import file_names, java, runs, storage
from kindred_airflow.links import MlflowLink, ReportLink, SparkLink

JOBS = Path(__file__).parents[2] / "spark_jobs"
POOL = "spark"
TAG = "[kindred]"
DEFAULT_ARGS = {"retries": 2, "retry_delay": timedelta(seconds=10)}

log = logging.getLogger("kindred")


@contextlib.contextmanager
def fail_on_bad_input(name: str) -> Iterator[None]:
    """Bad input ends the task `name` with its own line for the console, and is not tried again."""
    from kindred.runtime.errors import InputError

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
    from kindred.runtime import preflight, run_lifecycle

    dag_run, params = context["dag_run"], dict(context["params"])
    with fail_on_bad_input("open_run"):
        run_lifecycle.check_names(dag_run.conf or {}, params)
        preflight.check(spark_master())
        folder = run_lifecycle.open_run(dag_run.dag_id, dag_run.run_id, {**params, **(values or {})}, part)
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
    from kindred.runtime import run_lifecycle

    here = context["ti"]
    states = here.get_task_states(dag_id=here.dag_id, run_ids=[here.run_id])[here.run_id]
    group = here.task_id.rpartition(".")[0]
    failed = sorted(name for name, state in states.items() if state == "failed" and name.startswith(group))
    if run is not None:  # else the run was never opened
        run_lifecycle.close_run(run, succeeded=not failed)
    if failed:
        raise AirflowFailException(f"failed: {', '.join(failed)}")


class StageOperator(SparkSubmitOperator):
    """spark-submit for one `stage` of the run with the URI `run`: spark_jobs/<job>.py with `arguments`, JSON by name.

    A failure shows the stage's own line, which the job leaves in its outcome, and bad input is not tried again. Its
    record in MLflow is made here, not in the job: that import would take each job seconds in which Spark has one core
    less. The links lead to the run in MLflow, to the report and to the Spark job.
    """

    template_fields = (*SparkSubmitOperator.template_fields, "run", "stage", "arguments")
    operator_extra_links = (MlflowLink(), ReportLink(), SparkLink())

    def __init__(self, *, job: str, run: Any, stage: str, arguments: dict[str, str], **settings: Any) -> None:
        super().__init__(
            application=str(JOBS / f"{job}.py"),
            name=f"kindred-{job}",
            conf=java.submit_settings(),
            **settings,
        )
        self.run, self.stage, self.arguments = run, stage, arguments

    def execute(self, context: Any) -> None:
        """Submit the job, and log its stage to MLflow; raises AirflowFailException where trying again cannot help."""
        from kindred.runtime import outcomes, tracking

        try_id = str(context["ti"].id)
        self.application_args = ["--run-uri", self.run, "--stage", self.stage, "--try-id", try_id]
        for name, text in self.arguments.items():
            self.application_args += [f"--{name}", str(text)]  # a mapped number is no text yet
        started = time.time()
        try:
            super().execute(context)
        except AirflowException as error:
            outcome = outcomes.find(self.run, self.stage, try_id)
            if outcome is None:  # killed before it could say why
                line = f"{self.stage} was ended from outside"
                tracking.log_failure(self.run, self.stage, line, started)
                raise AirflowException(line) from error
            line = f"{self.stage} failed: {outcome.line}"
            tracking.log_failure(self.run, self.stage, line, started)
            raise (AirflowException if outcome.retry else AirflowFailException)(line) from None
        tracking.log_stage(self.run, self.stage, started)


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
    arguments_as_json = {**form, **given}
    return StageOperator(
        task_id=stage, pool=POOL, job=job, run=run, stage=stage, arguments=arguments_as_json, **settings
    )


def submit_each(job: str, run: Any, stages: Any) -> MappedOperator:
    """The task of a stage that is there many times: spark_jobs/<job>.py for each `stage` with its `arguments` that a
    task before it returns, as dicts.
    """
    name = "{{ task.stage }}"
    return StageOperator.partial(task_id=job, pool=POOL, map_index_template=name, job=job, run=run).expand_kwargs(
        stages
    )


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
        task = context["task"]
        storage.delete(storage.join(task.run, task.stage, file_names.MARK))
        raise AirflowSkipException("the box attack is not ticked")


@task(retries=0)
def compare(reproduced: str, ours: str, **context) -> None:
    """The table of the published study, its reproduction and this pipeline's own result."""
    from kindred.studies import stl10

    for line in stl10.compare(reproduced, ours).splitlines():
        log.info("%s", line)


@task(retries=0)
def promote(**context) -> None:
    """Serve the run that the form names."""
    from kindred.serving import champion

    with fail_on_bad_input("promote"):
        pointer = champion.promote(runs.find_run(context["params"]["run"]))
    log.info("serving %s; model %s version %s", pointer["name"], pointer["model"], pointer["version"])
