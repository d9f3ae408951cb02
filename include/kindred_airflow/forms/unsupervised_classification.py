"""The form of `unsupervised_classification`."""

from airflow.sdk import Param

from kindred.runtime import variants
from kindred_airflow.forms import fields
from kindred_airflow.forms.self_training import IMAGES, SELF_TRAINING

NAMINGS = ("labels", "numbers")  # those of `cluster_naming`, which imports numpy

CLUSTERS = {
    "k": fields.optional_count(
        "Number of clusters",
        "Empty: what the advisors find in the images; the report shows their curves.",
        2,
    ),
    "cluster_names": Param(
        None,
        type=["null", "object"],
        additionalProperties={"type": "string", "minLength": 1},
        title="Names of clusters",
        description='Names by the clusters\' numbers in the report of an earlier run of this name: {"1": "cat", '
        '"2": "dog"}. Two clusters may have one name; the others keep their numbers. Empty: see the next field.',
    ),
    "name_clusters_by": Param(
        "labels",
        type="string",
        enum=list(NAMINGS),
        title="Names without the field above",
        description="labels: as a person would who looks at a few images of each cluster, by the labels that the "
        "dataset has for them; by number where it has none. numbers: cluster 1, cluster 2 and so on.",
    ),
    "labels_per_cluster": Param(
        1,
        type="integer",
        minimum=1,
        maximum=50,
        title="Labels per cluster",
        description="Labels of the dataset that name a cluster, of the images nearest to its centre. With 3 a cluster "
        "that holds several classes is noticed, and the gate can test.",
    ),
}

METHODS = {
    "clusterers": Param(
        ["temi"],
        type="array",
        minItems=1,
        items={"type": "string", "enum": variants.names("clusterer")},
        examples=variants.names("clusterer"),
        title="Clusterers",
        description="Ways to divide the images. Of several the best is chosen without looking at a label. temi: heads "
        "trained on pairs of neighbours. temi_even: the same for clusters alike in size. scan: by SCAN's loss. "
        "communities, spectral: by the graph of nearest neighbours. gaussian_mixture, kmeans, minibatch_kmeans, "
        "kmeans_network: by distances.",
    ),
    "cluster_seeds": Param(
        1,
        type="integer",
        minimum=1,
        maximum=20,
        title="Tries per clusterer",
        description="Each with another seed; the report shows how much they differ.",
    ),
    "threshold": Param(
        None,
        type=["null", "number"],
        minimum=0,
        maximum=1,
        title="Self-labelling threshold",
        description="The final classifier learns from images whose cluster is at least this probable, as in SCAN's "
        "last step (0.99). Empty: from all, each weighted by its probability.",
    ),
}

UNSUPERVISED_CLASSIFICATION = {
    **{name: SELF_TRAINING[name] for name in ("dataset", "path", "extractor")},
    **CLUSTERS,
    **{name: SELF_TRAINING[name] for name in IMAGES},
    **fields.section("Clusterers", METHODS),
    **fields.section("Classifier", {name: SELF_TRAINING[name] for name in ("classifier", "folds", "gate")}),
    **{name: SELF_TRAINING[name] for name in ("search_mode", "projection", "seed")},
}
