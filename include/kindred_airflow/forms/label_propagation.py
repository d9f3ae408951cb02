"""The form of `label_propagation`."""

from airflow.sdk import Param

from kindred_airflow.forms import fields
from kindred_airflow.forms.self_training import SELF_TRAINING

LABEL_PROPAGATION = {
    "dataset": fields.choice(
        "dataset", "fashion_mnist", "Dataset", "Where the images come from. Default: the dataset of the study."
    ),
    "path": SELF_TRAINING["path"],
    "budgets": fields.numbers(
        [500, 1000, 2000],
        "integer",
        {"minimum": 2},
        "Label budgets",
        "Numbers of given labels: of random images, and of the representatives of as many clusters.",
    ),
    "centroids": fields.numbers(
        [100, 200, 300],
        "integer",
        {"minimum": 2},
        "Numbers of centroids",
        "For each: logistic regression on all labels, with the distances to this many k-means centroids as features.",
    ),
    "percentiles": fields.numbers(
        [20, 25, 30, 50, 75],
        "number",
        {"minimum": 0, "maximum": 100},
        "Percentiles",
        "Labels are propagated to whole clusters, and to these percentages of each cluster, nearest to its centroid.",
    ),
    "network": Param(
        False,
        type="boolean",
        title="Convolutional network",
        description="Also train the study's convolutional network, on all labels and for each budget. Takes hours with "
        "60,000 images and no GPU.",
    ),
    **{name: SELF_TRAINING[name] for name in ("limit", "seed")},
}
