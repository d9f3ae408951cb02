"""What DAGs are made of: `open_run`, `submit` for each stage, `close_run`."""

import contextlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from airflow.sdk import task
from airflow.sdk.definitions.mappedoperator import MappedOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from kindred.runtime import file_names, log_lines, runs, stages, storage
from kindred_airflow import params, run_names
from kindred_airflow.stage_operator import StageOperator, driver_is_here, spark_master

POOL = "spark"
DEFAULT_ARGS = {"retries": 2, "retry_delay": timedelta(seconds=10)}

log = logging.getLogger("kindred")


@contextlib.contextmanager
def fail_on_bad_input(name: str) -> Iterator[None]:
    """Bad input ends the task `name` with its own line for the console, and is not tried again."""
    from kindred.runtime.errors import InputError

    try:
        yield
    except InputError as error:
        log.error("%s", log_lines.failure(name, str(error)))
        raise AirflowFailException(str(error)) from None


@task
def open_run(part: str = "", values: dict[str, Any] | None = None, **context: Any) -> str:
    """Make the run's folder, or find it again, and its MLflow run; the folder's URI is all that goes through XCom.

    A DAG of several runs names its `part`, and gives the `values` that are not on its form.
    """
    from kindred.data import input_check
    from kindred.runtime import preflight, run_lifecycle
    from kindred_airflow import processes

    log.info("%s", log_lines.progress("open_run", "makes the run's folder and its record in MLflow, or finds them"))
    dag_run, form = context["dag_run"], {**context["params"], **(values or {})}
    with fail_on_bad_input("open_run"):
        check_values(context)
        preflight.check(spark_master())
        checked = os.environ.get(input_check.CHECKED)  # by `make run`, a moment ago: a large folder takes seconds
        if driver_is_here() and checked != input_check.identity(form):
            input_check.check(form)
        defaults = context["dag"].params.dump()
        holder, user = os.environ.get(processes.NAME, ""), dag_run.triggering_user_name
        form["run_name"] = run_names.of(dag_run)
        folder = run_lifecycle.open_run(dag_run.dag_id, dag_run.run_id, form, part, defaults, holder, user)
    if part:
        log.info("%s", log_lines.progress("open_run", f"{part}, in {storage.local(folder)}"))
    return folder


def check_values(context: Mapping[str, Any]) -> None:
    """Raise InputError for a value of the DAG run that its form has no field for, or whose field does not take it:
    Airflow's interface lets a field that it does not know pass, and `context["params"]` holds it too.
    """
    params.check(context["dag_run"].conf or {}, params.schemas(context["dag"]))


@task(trigger_rule="all_done")
def close_run(run: str | None, **context: Any) -> None:
    """Merge the figures into metrics.json and MLflow's parent run, and close that. Fails where a task before it
    failed.
    """
    from kindred.runtime import run_lifecycle

    log.info("%s", log_lines.progress("close_run", "puts the figures together, also for MLflow"))
    here = context["ti"]
    states = here.get_task_states(dag_id=here.dag_id, run_ids=[here.run_id])[here.run_id]
    group = here.task_id.rpartition(".")[0]
    failed = sorted(name for name, state in states.items() if state == "failed" and name.startswith(group))
    if run is not None:  # else the run was never opened
        run_lifecycle.close_run(run, succeeded=not failed)
    if failed:
        raise AirflowFailException(f"failed: {', '.join(failed)}")


def submit(
    job: str,
    run: Any,
    arguments: tuple[str, ...] = (),
    stage: str | None = None,
    values: dict[str, Any] | None = None,
    **settings: Any,
) -> StageOperator:
    """The task of a stage: spark_jobs/<job>.py with the run's URI and its `arguments` as JSON.

    An argument's value is that of the form's field, unless `values` has it (a number may be one that is mapped);
    `settings` are Airflow's.
    """
    fixed = values or {}
    of_the_form = {name: f"{{{{ params.{name} | tojson }}}}" for name in arguments if name not in fixed}
    not_of_the_form = {name: _as_json(fixed[name]) for name in arguments if name in fixed}
    return StageOperator(
        task_id=stage or job,
        pool=POOL,
        job=job,
        run=run,
        stage=stage or job,
        arguments={**of_the_form, **not_of_the_form},
        **settings,
    )


def _as_json(value: Any) -> Any:
    """A value as JSON; one that Airflow fills in later stays as it is."""
    return value if hasattr(value, "resolve") else json.dumps(value)


def mapped(values: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """What `submit_each` takes: the arguments of each stage by its name."""
    return [
        {
            "stage": name,
            "arguments": {argument: json.dumps(value) for argument, value in arguments.items()},
            "position": f"{number:,} of {len(values):,}",
        }
        for number, (name, arguments) in enumerate(values.items(), 1)
    ]


def submit_each(job: str, run: Any, each: Any) -> MappedOperator:
    """The task of a stage that is there many times: spark_jobs/<job>.py for each dict with a `stage` and its
    `arguments`, which a task before it returns.
    """
    template = StageOperator.partial(task_id=job, pool=POOL, map_index_template="{{ task.stage }}", job=job, run=run)
    return template.expand_kwargs(each)


def self_training(run: Any, values: dict[str, Any] | None = None, attacked: bool = False) -> list[StageOperator]:
    """The stages of self-training, in their order, with the attack where the DAG's form has its fields; `values` stand
    in for fields that it does not have.
    """
    names = [name for name in stages.ORDER if name != stages.ATTACK or attacked]
    return [_task(name, run, values) for name in names]


def open_images(run: Any) -> list[StageOperator]:
    """The stages of self-training on classes of Open Images, in their order."""
    return [_task(name, run, None, stages.OPEN_IMAGES_ARGUMENTS) for name in stages.OPEN_IMAGES_ORDER]


def unsupervised(run: Any) -> tuple[list[StageOperator], list[StageOperator]]:
    """The stages of unsupervised classification before and after the clusterings, in their order."""
    names = stages.UNSUPERVISED_ORDER
    every = [
        submit(
            {**stages.JOBS, **stages.UNSUPERVISED_JOBS}.get(name, name),
            run,
            stages.UNSUPERVISED_ARGUMENTS[name],
            name,
            {"labels_required": False},
        )
        for name in names
    ]
    first = names.index(stages.ADVISE_K) + 1
    return every[:first], every[first:]


def matching(run: Any) -> list[StageOperator]:
    """The stages of image matching, in their order."""
    return [
        submit(stages.MATCHING_JOBS.get(name, name), run, stages.MATCHING_ARGUMENTS[name], name, {"to_match": True})
        for name in stages.MATCHING_ORDER
    ]


def _task(
    name: str, run: Any, values: dict[str, Any] | None, arguments: dict[str, tuple[str, ...]] = stages.ARGUMENTS
) -> StageOperator:
    """The task of one of the stages of self-training; `arguments` are those that each takes."""
    settings: dict[str, Any] = {}
    if name == stages.ATTACK:
        settings = {"pre_execute": _skip_unless_asked}
    if name == stages.REPORT:
        settings = {"trigger_rule": "none_failed"}  # the attack may be skipped
    return submit(stages.JOBS.get(name, name), run, arguments[name], name, values, **settings)


def _skip_unless_asked(context: Any) -> None:
    """Skip the attack where the form's box is not ticked or there is nothing to attack, and delete its mark of an
    earlier try: those figures may be of other models.
    """
    task = context["task"]
    reason = None if context["params"]["attack"] else "the box attack is not ticked"
    if reason is None and _untested(task.run):
        reason = "no test image has a known label, so nothing can be attacked"
        log.warning("%s", log_lines.progress(task.stage, f"skipped: {reason}"))
    if reason:
        storage.delete(storage.join(task.run, task.stage, file_names.MARK))
        raise AirflowSkipException(reason)


def _untested(run: str) -> bool:
    """Whether ingest has found no test image with a known label."""
    mark = storage.find_json(storage.join(run, "ingest", file_names.MARK)) or {}
    return bool(mark.get("facts", {}).get("test_labels") == 0)


@task
def compare(reproduced: str, ours: str, **context: Any) -> None:
    """The table of the published study, its reproduction and this pipeline's own result."""
    from kindred.studies import stl10

    for line in stl10.compare(reproduced, ours).splitlines():
        log.info("%s", line)


@task
def promote(**context: Any) -> None:
    """Serve the run that the form names, if its rule allows it."""
    from kindred.serving import promotion

    form = context["params"]
    with fail_on_bad_input("promote"):
        check_values(context)
        run = runs.find_run(form["run"])
        pointer = promotion.promote(run, log.info, form["rule"], form["reason"] or "", _user(context))
    log.info("serving %s; model %s version %s", pointer["name"], pointer["model"], pointer["version"])


@task
def write_project(**context: Any) -> None:
    """Write the project that the form describes."""
    from datetime import UTC, datetime

    from kindred.runtime import projects, run_changes

    with fail_on_bad_input("write_project"):
        check_values(context)
        form = dict(context["params"])
        name, schedule, time_zone = (form.pop(field) for field in projects.FORM)
        params.check_meaning(form, files=driver_is_here())
        given = run_changes.differing(form, context["dag"].params.dump())
        lines = projects.put(name, given, schedule, time_zone, datetime.now(UTC))
    for line in lines:
        log.info("%s", log_lines.progress("write_project", line))


def _user(context: Mapping[str, Any]) -> str | None:
    """Who has triggered the DAG run: a user of Airflow, else the account that this process belongs to."""
    from kindred.runtime import run_description

    return context["dag_run"].triggering_user_name or run_description.account()
