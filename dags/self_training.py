"""
### From a pile of images and a few labels to a classifier and a search index

Images become features, a **base** classifier learns from the few given labels, it gives pseudo-labels to the
unlabelled images, and a candidate learns from both. The **gate** makes it the **final** classifier unless it does worse
than base on given labels that neither saw; then final is base. Both are scored on the test images; the unlabelled
images become a search index. If the form's box is ticked, black-box **attacks** show how easily each is fooled.

Images and features are kept with the dataset: a run with another threshold, budget or seed starts where it first
differs.
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
