"""
### From images and a few labels to a classifier and a search index

Images become features. A **base** classifier learns from the given labels. Unlabelled images get pseudo-labels, and a
candidate learns from both. The **gate** makes the candidate the **final** classifier unless it does worse than base on
given labels that neither has seen; otherwise final is base. Both are scored on the test images, and the unlabelled
images become a search index. If requested, black-box **attacks** measure how easily each classifier is fooled.

Images and features are stored with the dataset: a run with another threshold, number of labels or seed reuses them.
"""

from airflow.sdk import DAG, chain

from kindred_airflow.forms.attack import ATTACK
from kindred_airflow.forms.runs import RUN
from kindred_airflow.forms.self_training import SELF_TRAINING
from kindred_airflow.tasks import DEFAULT_ARGS, close_run, open_run, self_training

with DAG(
    "self_training",
    schedule=None,
    doc_md=__doc__,
    params={**SELF_TRAINING, **ATTACK, **RUN},
    default_args=DEFAULT_ARGS,
    tags=["kindred", "training"],
    is_paused_upon_creation=False,
):
    run = open_run()
    chain(run, *self_training(run, attacked=True), close_run(run))
