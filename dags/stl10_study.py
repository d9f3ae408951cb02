"""
### A published study on STL-10, reproduced, and this pipeline's defaults on the same images

A multilayer perceptron on network features, three folds, **all** pseudo-labels kept without a threshold, copies of test
images left in. On the official test set the study reports base 0.6694 and final 0.6604. Then the same images with this
pipeline's defaults. The run ends with a table: published, reproduced, ours.
`make run DAG=stl10_study` runs it without a server.

Of Airflow it uses [params] for the form, [task groups] for the two runs, and [spark-submit] in a [pool].

[params]: https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/params.html
[task groups]: https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/dags.html#taskgroups
[spark-submit]: https://airflow.apache.org/docs/apache-airflow-providers-apache-spark/stable/operators.html
[pool]: https://airflow.apache.org/docs/apache-airflow/stable/administration-and-deployment/pools.html
"""

from airflow.sdk import DAG, TaskGroup, chain

from kindred_airflow.forms.runs import RUN
from kindred_airflow.forms.self_training import SELF_TRAINING
from kindred_airflow.forms.stl10_study import STL10_STUDY
from kindred_airflow.tasks import DEFAULT_ARGS, close_run, compare, open_run, self_training

PSEUDO_LABELS = {"labeller": "confidence", "threshold": 0, "novelty": False, "gate": "off"}
STUDY = {"leaks": "keep", "classifier": "multilayer_perceptron", "folds": 3, **PSEUDO_LABELS}

with DAG(
    "stl10_study",
    dag_display_name="Study: self-training, reproduced on STL-10",
    description="Published, reproduced and ours: base and final without a threshold for pseudo-labels",
    schedule=None,
    doc_md=__doc__,
    params={**RUN, **STL10_STUDY},
    default_args=DEFAULT_ARGS,
    tags=["kindred", "study"],
    is_paused_upon_creation=False,
):
    ends = []
    fixed = {name: param.value for name, param in SELF_TRAINING.items() if name not in STL10_STUDY}
    fixed["dataset"] = "stl10"
    for name, values in (("reproduced", {**fixed, **STUDY}), ("ours", fixed)):
        with TaskGroup(name):
            run = open_run(part=name, values=values)
            end = close_run(run)
            chain(run, *self_training(run, values), end)
            ends.append((run, end))
    (reproduced, first), (ours, second) = ends
    chain(first, ours)  # one after the other: each stage fills the machine
    chain([first, second], compare(reproduced, ours))
