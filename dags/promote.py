"""
### Serve a finished run

The model of a run of `self_training` gets MLflow's alias `champion`, and the image search switches to that run's index
without a restart. Before that the run is compared with the one that is served, on test images that neither has learned
from; where the *rule* refuses it, the task fails with the figures. The index is read once, and the hashes of its files
are stored, so that a copy can be checked. If the run cannot be served, nothing changes. The history keeps who has
promoted it, when and why. `make promote RUN=name` does the same without a server; `make rollback` goes back.

Of Airflow it uses [params] for the form, and [retries].

[params]: https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/params.html
[retries]: https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/tasks.html
"""

from airflow.sdk import DAG

from kindred_airflow.forms.runs import PROMOTE
from kindred_airflow.tasks import DEFAULT_ARGS, promote

with DAG(
    "promote",
    dag_display_name="3. Serve a finished run",
    description="A finished run becomes MLflow's champion, and what the image search shows",
    schedule=None,
    doc_md=__doc__,
    params=PROMOTE,
    default_args=DEFAULT_ARGS,
    tags=["kindred", "serving"],
    is_paused_upon_creation=False,
):
    promote()
