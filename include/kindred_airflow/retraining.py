"""The DAG of a project: the stages of self-training, with the project's params as the form's defaults."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, CronTriggerTimetable, chain
from airflow.sdk.definitions.param import ParamsDict

from kindred.runtime import projects, storage
from kindred.runtime.errors import InputError
from kindred_airflow import params
from kindred_airflow.forms.attack import ATTACK
from kindred_airflow.forms.runs import RUN
from kindred_airflow.forms.self_training import SELF_TRAINING
from kindred_airflow.tasks import DEFAULT_ARGS, close_run, open_run, self_training

if TYPE_CHECKING:
    from airflow.sdk import Param

FORM = {**RUN, **SELF_TRAINING, **ATTACK}
DOC = """
### Retrain the project {name}

The stages of `self_training` with the params of a project: `projects/{name}.json` of the data folder, which
`make project` and the DAG `project` write. Due: {due}. Runs that were missed do not pile up, and
one that is due while another is at work waits for its end. The name of a scheduled run is the time it was due, in
UTC; fill in no name here, unless a run that failed shall be resumed.

```json
{params}
```

Of Airflow it uses [params] for the form, [spark-submit] in a [pool], a [timetable], and [retries].

[params]: https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/params.html
[spark-submit]: https://airflow.apache.org/docs/apache-airflow-providers-apache-spark/stable/operators.html
[pool]: https://airflow.apache.org/docs/apache-airflow/stable/administration-and-deployment/pools.html
[timetable]: https://airflow.apache.org/docs/apache-airflow/stable/authoring-and-scheduling/timetable.html
[retries]: https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/tasks.html
"""


def dag(name: str, content: bytes) -> DAG:
    """The DAG of a project, by the content of its file. Raises InputError, which names the file, for one that cannot
    be used.
    """
    project = projects.parse(name, content)
    due = f"{project.schedule}, {project.time_zone}" if project.schedule else "by hand alone"
    text = DOC.format(name=name, due=due, params=json.dumps(project.params, indent=1, ensure_ascii=False))
    with DAG(
        projects.dag_id(name),
        dag_display_name=f"Project: {name}",
        description=f"The stages of self_training with the params of a project; due: {due}",
        schedule=CronTriggerTimetable(project.schedule, timezone=project.time_zone) if project.schedule else None,
        start_date=project.since,
        catchup=False,
        max_active_runs=1,
        doc_md=text,
        default_args=DEFAULT_ARGS,
        tags=["kindred", "training", "project"],
        is_paused_upon_creation=False,
    ) as made:
        run: Any = open_run()
        chain(run, *self_training(run, attacked=True), close_run(run))
    # After the tasks, for Airflow copies the form into each of them: that took most of the time.
    made.params = ParamsDict(form(name, project))
    return made


def form(name: str, project: projects.Project) -> dict[str, Param]:
    """The form of self-training with the project's params as its defaults."""
    try:
        params.check(project.params, {field: param.schema for field, param in FORM.items()})
    except InputError as error:
        raise InputError(f"{storage.local(projects.path(name))}: {error}; {projects.ADVICE}") from None
    form = {field: copy.copy(param) for field, param in FORM.items()}
    for field, value in project.params.items():
        form[field].value = value
    return form
