"""
### Serve a finished run

The model of a run of `self_training` gets MLflow's alias `champion`, and the image search changes over to that run's
index, without a restart. The index is read once as a whole and its files' hashes are kept, so a copy of it can be
checked; a run that cannot be served leaves everything as it was.
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
