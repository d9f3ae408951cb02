"""
### From classes of Open Images to a classifier

Classes of **Open Images**, cars and trees for example, by their names or ids. The CSV files of Open Images
say which images show them; the images are read from a folder, or straight from the public bucket. Then the stages of
self-training follow: features, a classifier **base**, pseudo-labels where images are unlabelled, the classifier
**final**, a search index and a report.

Labels are taken for what they are: verified present, verified **absent**, or not known, which is not absent. An image
that shows several of the classes is left out, or belongs to the first; with the task **multi_label** it has all of
them. Of a machine's labels those count that are
probable enough. No image is in two splits, and one whose file is not there is listed in the table `rejected`.
`make run DAG=open_images` works without a server.

Of Airflow it uses [params] for the form, [spark-submit] in a [pool], [retries], and [trigger rules], since the attack
may be skipped.

[params]: https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/params.html
[spark-submit]: https://airflow.apache.org/docs/apache-airflow-providers-apache-spark/stable/operators.html
[pool]: https://airflow.apache.org/docs/apache-airflow/stable/administration-and-deployment/pools.html
[retries]: https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/tasks.html
[trigger rules]: https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/dags.html#trigger-rules
"""

from airflow.sdk import DAG, chain

from kindred_airflow.forms.attack import ATTACK
from kindred_airflow.forms.open_images import OPEN_IMAGES
from kindred_airflow.forms.runs import RUN
from kindred_airflow.tasks import DEFAULT_ARGS, close_run, open_images, open_run

with DAG(
    "open_images",
    dag_display_name="6. Train a classifier on Open Images",
    description="Label tables and images of Open Images: base and final classifier, search index, report",
    schedule=None,
    doc_md=__doc__,
    params={**RUN, **OPEN_IMAGES, **ATTACK},
    default_args=DEFAULT_ARGS,
    tags=["kindred", "training"],
    is_paused_upon_creation=False,
):
    run = open_run()
    chain(run, *open_images(run), close_run(run))
