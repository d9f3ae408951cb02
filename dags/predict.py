"""
### Label a folder of images with a finished run

Uses the final model of a run of `self_training`; nothing is trained. The result is `predictions.csv` in this run's
folder: origin, label, confidence, none_of_these (probably of none of the classes; empty where the run has not learned
that), probabilities. Files that cannot be decoded are listed in `rejected.csv` with the reason. `make predict RUN=name
IMAGES=folder` does the same without a server.

Of Airflow it uses [params] for the form, and [spark-submit] in a [pool].

[params]: https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/params.html
[spark-submit]: https://airflow.apache.org/docs/apache-airflow-providers-apache-spark/stable/operators.html
[pool]: https://airflow.apache.org/docs/apache-airflow/stable/administration-and-deployment/pools.html
"""

from airflow.sdk import DAG, chain

from kindred_airflow.forms.runs import PREDICT, RUN
from kindred_airflow.tasks import DEFAULT_ARGS, close_run, open_run, submit

with DAG(
    "predict",
    dag_display_name="2. Label a folder of images with a finished run",
    description="A finished run's final model and a folder of images: predictions.csv",
    schedule=None,
    doc_md=__doc__,
    params={**PREDICT, **RUN},
    default_args=DEFAULT_ARGS,
    tags=["kindred", "inference"],
    is_paused_upon_creation=False,
):
    run = open_run()
    chain(run, submit("predict", run, ("run", "images")), close_run(run))
