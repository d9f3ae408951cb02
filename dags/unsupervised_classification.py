"""
### From images without any label to clusters, a search and, with one name a cluster, a classifier

Images become features. Advisors look how many **clusters** there may be. One or more clusterers divide the images, and
the best division is chosen without looking at a label. Its clusters get **names**: yours, those of the few labels that
a person would give who looks at the most typical images, or their numbers. Named clusters are a classifier as others:
**base** learns from the images that name the clusters, a candidate from the clusters of all images, the gate chooses.

Labels that the dataset has are the truth of the last stages, and of the simulated person who names clusters; no other
stage sees them. The report shows each cluster with its most typical images. A run that ends with numbers goes on under
the same run name with your names. `make run DAG=unsupervised_classification` works without a server.

Of Airflow it uses [params] for the form, [mapped tasks] for the clusterings, whose number the form decides, and
[spark-submit] in a [pool].

[params]: https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/params.html
[mapped tasks]: https://airflow.apache.org/docs/apache-airflow/stable/authoring-and-scheduling/dynamic-task-mapping.html
[spark-submit]: https://airflow.apache.org/docs/apache-airflow-providers-apache-spark/stable/operators.html
[pool]: https://airflow.apache.org/docs/apache-airflow/stable/administration-and-deployment/pools.html
"""

from airflow.sdk import DAG, chain

from kindred_airflow.clusterings import clusterings
from kindred_airflow.forms.runs import RUN
from kindred_airflow.forms.unsupervised_classification import UNSUPERVISED_CLASSIFICATION
from kindred_airflow.tasks import DEFAULT_ARGS, close_run, open_run, submit_each, unsupervised

with DAG(
    "unsupervised_classification",
    dag_display_name="4. Cluster images without labels, and name the clusters",
    description="Images without a label: clusters, how many there may be, a search and, with names, a classifier",
    schedule=None,
    doc_md=__doc__,
    params={**RUN, **UNSUPERVISED_CLASSIFICATION},
    default_args=DEFAULT_ARGS,
    tags=["kindred", "training"],
    is_paused_upon_creation=False,
):
    run = open_run()
    before, after = unsupervised(run)
    needed = clusterings()
    chain(run, needed, *before, submit_each("cluster", run, needed), *after, close_run(run))
