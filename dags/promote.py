"""
### Serve a finished run

The model of a run of `self_training` gets MLflow's alias `champion`, and the image search switches to that run's index
without a restart. The index is read once, and the hashes of its files are stored, so that a copy can be checked. If the
run cannot be served, nothing changes.
"""

from airflow.sdk import DAG

from kindred_airflow.forms.runs import PROMOTE
from kindred_airflow.tasks import DEFAULT_ARGS, promote

with DAG(
    "promote",
    schedule=None,
    doc_md=__doc__,
    params=PROMOTE,
    default_args=DEFAULT_ARGS,
    tags=["kindred", "serving"],
    is_paused_upon_creation=False,
):
    promote()
