"""
### From images and a few labels to a classifier and a search index

Images become features. A **base** classifier learns from the given labels. Unlabelled images get pseudo-labels, and a
candidate learns from both. The **gate** makes the candidate the **final** classifier unless a paired test finds it
worse than base on given labels that neither has seen; otherwise final is base. Both are scored on the test images, and
all images can be searched by similarity. If requested, black-box **attacks** measure how easily each classifier is
fooled.

Images and features are stored with the dataset: a run with another threshold, number of labels or seed reuses them.
The report is a tab of each run. A failed run resumes under the same run name. `make run` works without a server.

Of Airflow it uses [params] for the form, [spark-submit] for each stage, a [pool] that limits Spark jobs, [retries], and
[trigger rules], since the attack may be skipped and `close_run` also ends a failed run.

[params]: https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/params.html
[spark-submit]: https://airflow.apache.org/docs/apache-airflow-providers-apache-spark/stable/operators.html
[pool]: https://airflow.apache.org/docs/apache-airflow/stable/administration-and-deployment/pools.html
[retries]: https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/tasks.html
[trigger rules]: https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/dags.html#trigger-rules
"""

from airflow.sdk import DAG, chain

from kindred_airflow.forms.attack import ATTACK
from kindred_airflow.forms.runs import RUN
from kindred_airflow.forms.self_training import SELF_TRAINING
from kindred_airflow.tasks import DEFAULT_ARGS, close_run, open_run, self_training

with DAG(
    "self_training",
    dag_display_name="1. Train a classifier and a search index",
    description="Images and a few labels: base and final classifier, pseudo-labels, search index, report",
    schedule=None,
    doc_md=__doc__,
    params={**RUN, **SELF_TRAINING, **ATTACK},
    default_args=DEFAULT_ARGS,
    tags=["kindred", "training"],
    is_paused_upon_creation=False,
):
    run = open_run()
    chain(run, *self_training(run, attacked=True), close_run(run))
