"""
### A published study of label propagation, reproduced, and this pipeline's defaults with the same labels

Fashion-MNIST, logistic regression on pixels: all labels; distances to centroids as features; n labels of random images,
or of the images nearest to the centroids of n clusters; these labels propagated to their whole clusters, or to the
nearest part of each; if requested, the same with a convolutional network. Then this pipeline's defaults with the same
numbers of random labels.

Each cell of this grid keeps its model and its clustering; a second run on the same data reuses finished cells. The run
ends with a table (published, reproduced, ours) and a plot of accuracy against the number of labels. `make run
DAG=label_propagation` runs it without a server.

Of Airflow it uses [params] for the form, [mapped tasks] for clusterings and cells, whose number the form decides, a
mapped [task group] for this pipeline's own runs, and [spark-submit] in a [pool].

[params]: https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/params.html
[mapped tasks]: https://airflow.apache.org/docs/apache-airflow/stable/authoring-and-scheduling/dynamic-task-mapping.html
[task group]: https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/dags.html#taskgroups
[spark-submit]: https://airflow.apache.org/docs/apache-airflow-providers-apache-spark/stable/operators.html
[pool]: https://airflow.apache.org/docs/apache-airflow/stable/administration-and-deployment/pools.html
"""

from airflow.sdk import DAG, chain, task_group

from kindred_airflow.cells import budgets, cells, clusterings, table
from kindred_airflow.forms.label_propagation import LABEL_PROPAGATION
from kindred_airflow.forms.runs import RUN
from kindred_airflow.forms.self_training import SELF_TRAINING
from kindred_airflow.tasks import DEFAULT_ARGS, close_run, open_run, self_training, submit, submit_each

DEFAULTS = {name: param.value for name, param in SELF_TRAINING.items() if name not in LABEL_PROPAGATION}
FIXED = {**DEFAULTS, "extractor": "pixels"}
OURS = {**DEFAULTS, "extractor": "patch_kmeans"}


@task_group
def ours(part: str, labels: int) -> None:
    """This pipeline's own defaults with one of the budgets; the features are made once for all of them."""
    values = {**OURS, "labels": labels}
    run = open_run(part=part, values=values)
    chain(run, *self_training(run, values), close_run(run))


with DAG(
    "label_propagation",
    dag_display_name="Study: label propagation, reproduced on Fashion-MNIST",
    description="Published, reproduced and ours: accuracy by number of labels and way to propagate them",
    schedule=None,
    doc_md=__doc__,
    params={**RUN, **LABEL_PROPAGATION},
    default_args=DEFAULT_ARGS,
    tags=["kindred", "study"],
    is_paused_upon_creation=False,
):
    run = open_run()
    needed, grid = clusterings(), cells()
    ingest = submit("ingest", run, ("dataset", "path", "limit", "leaks"), values=FIXED)
    arguments = ("extractor", "image_size", "weights", "preprocessing", "output", "precision")
    featurize = submit("featurize", run, arguments, values=FIXED)
    end = close_run(run)
    chain(
        run, [needed, grid], ingest, featurize, submit_each("cluster", run, needed), submit_each("cell", run, grid), end
    )
    chain(end, ours.expand_kwargs(budgets()), table(run))
