"""
### From a pile of images and a few labels to a classifier and a search index

Images become features, a **base** classifier learns from the few given labels, it gives pseudo-labels to the unlabelled
images that it is sure of, and the **final** classifier learns from both. Both are cross-validated on the given labels and
scored on the test images; the unlabelled images become a search index.

Images and features are kept with the dataset: a run with another threshold, budget or seed starts where it first differs.
"""

from airflow.sdk import DAG, chain

from kindred_airflow.forms import RUN, SELF_TRAINING
from kindred_airflow.tasks import DEFAULT_ARGS, close_run, open_run, submit

with DAG(
    "self_training",
    schedule=None,
    doc_md=__doc__,
    params={**SELF_TRAINING, **RUN},
    default_args=DEFAULT_ARGS,
    tags=["kindred", "training"],
    is_paused_upon_creation=False,
):
    run = open_run()
    chain(
        run,
        submit("ingest", run, ("dataset", "path", "limit", "leaks")),
        submit("featurize", run, ("extractor", "image_size", "weights")),
        submit("choose_labels", run, ("labels_per_class", "labels", "label_choice", "stratified", "seed")),
        submit("train", run, ("classifier", "folds", "seed"), stage="train_base"),
        submit("pseudo_label", run, ("labeller", "threshold")),
        submit("train", run, ("classifier", "folds", "seed"), stage="train_final"),
        submit("build_index", run),
        submit("evaluate", run),
        close_run(run),
    )
