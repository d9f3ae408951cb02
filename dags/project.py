"""
### Make a project, which is retrained on a schedule

A **project** is a name, a schedule and params of `self_training`. Within a minute its own pipeline is in the list,
`retrain_` and the name: the stages of self-training with these params as its form, at the times of the schedule. A
project of the same name is replaced; the console says what changed. `make project NAME=name SCHEDULE=@weekly` does the
same without a server, and `make project NAME=name DELETE=1` removes one.

Of Airflow it uses [params] for the form, and [retries].

[params]: https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/params.html
[retries]: https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/tasks.html
"""

from airflow.sdk import DAG

from kindred_airflow.forms.attack import ATTACK
from kindred_airflow.forms.project import PROJECT
from kindred_airflow.forms.self_training import SELF_TRAINING
from kindred_airflow.tasks import DEFAULT_ARGS, write_project

with DAG(
    "project",
    dag_display_name="7. Make a project, which is retrained on a schedule",
    description="A name, a schedule and params of self_training: a pipeline of its own",
    schedule=None,
    doc_md=__doc__,
    params={**PROJECT, **SELF_TRAINING, **ATTACK},
    default_args=DEFAULT_ARGS,
    tags=["kindred", "training"],
    is_paused_upon_creation=False,
):
    write_project()
