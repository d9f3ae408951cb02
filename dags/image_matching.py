"""
### Match query images with a gallery

For each image of the split **query** the most similar ones of the split **gallery**. Images become features. An
**embedder** makes vectors of them in which alike images are near: with labels of training images it learns what makes
images alike, without labels it evens out what all images share. The gallery is ordered by cosine distance, and a
**re-ranker** improves the order: by the neighbours that images have in common, or by **keypoints** of both pictures
that fit one homography, which tells the same object from one that looks alike.

A folder with `query/` and `gallery/` is enough, or a `labels.csv` with the column split; `train/` has images to learn
from. Images of the gallery without a label are distractors: right for no query. Labels of queries and gallery are the
truth of the last stages; no other stage sees them. The report compares the steps and shows the matches; `matches.json`
in the run's folder has them all. `make run DAG=image_matching` works without a server.

Of Airflow it uses [params] for the form, and [spark-submit] in a [pool].

[params]: https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/params.html
[spark-submit]: https://airflow.apache.org/docs/apache-airflow-providers-apache-spark/stable/operators.html
[pool]: https://airflow.apache.org/docs/apache-airflow/stable/administration-and-deployment/pools.html
"""

from airflow.sdk import DAG, chain

from kindred_airflow.forms.image_matching import IMAGE_MATCHING
from kindred_airflow.forms.runs import RUN
from kindred_airflow.tasks import DEFAULT_ARGS, close_run, matching, open_run

with DAG(
    "image_matching",
    dag_display_name="5. Match query images with a gallery",
    description="Queries and a gallery: the most similar images of each query, re-ranked, and how good they are",
    schedule=None,
    doc_md=__doc__,
    params={**RUN, **IMAGE_MATCHING},
    default_args=DEFAULT_ARGS,
    tags=["kindred", "search"],
    is_paused_upon_creation=False,
):
    run = open_run()
    chain(run, *matching(run), close_run(run))
