"""The stages of self-training once: their names in their order, the job of each, and the arguments that it takes."""

from collections.abc import Mapping, Sequence
from typing import Any

from kindred.runtime import label_sets, variants

SELF_TRAINING = "self_training"  # the main pipeline's DAG
UNSUPERVISED = "unsupervised_classification"  # the one without labels
MATCHING = "image_matching"  # the one of queries and a gallery
OPEN_IMAGES = "open_images"  # the one of classes of Open Images; also the name of its dataset
INGEST, FEATURIZE, CHOOSE_LABELS = "ingest", "featurize", "choose_labels"
TRAIN_BASE, PSEUDO_LABEL, TRAIN_FINAL, GATE = "train_base", "pseudo_label", "train_final", "gate"
BUILD_INDEX, EVALUATE, ATTACK, REPORT = "build_index", "evaluate", "attack", "report"
ORDER = (
    *(INGEST, FEATURIZE, CHOOSE_LABELS, TRAIN_BASE, PSEUDO_LABEL, TRAIN_FINAL, GATE),
    *(BUILD_INDEX, EVALUATE, ATTACK, REPORT),
)
ADVISE_K, SCORE_CLUSTERS = "advise_k", "score_clusters"  # of the DAG without labels
CLUSTER = "cluster"  # a job that is there many times: `cluster/<clustering>`, see `clusterings`
UNSUPERVISED_ORDER = (  # with those of CLUSTER behind advise_k
    *(INGEST, FEATURIZE, ADVISE_K, CHOOSE_LABELS, TRAIN_BASE, PSEUDO_LABEL, TRAIN_FINAL, GATE),
    *(BUILD_INDEX, EVALUATE, SCORE_CLUSTERS, REPORT),
)
EMBED, KEYPOINTS, GROUPS = "embed", "keypoints", "groups"  # of image matching
MATCH, SCORE_MATCHES = "match", "score_matches"
MATCHING_ORDER = (
    *(INGEST, CHOOSE_LABELS, FEATURIZE, EMBED, KEYPOINTS, GROUPS, BUILD_INDEX, MATCH, SCORE_MATCHES, REPORT),
)
LABEL_MAP = "label_map"  # of the DAG open_images
EVERY = tuple(dict.fromkeys((*ORDER, *UNSUPERVISED_ORDER, *MATCHING_ORDER, LABEL_MAP)))
JOBS = {TRAIN_BASE: "train", TRAIN_FINAL: "train"}  # of the other stages, the job has the stage's name
LABELLER = "labeller"
SHOWN = ("dataset", "extractor", "classifier", LABELLER)  # params that lists of runs show, filter and group by
WORK = {  # what a stage does, for a person who waits for it: by its job, or where one job does several, by its name
    INGEST: "decodes the images, leaves out copies",
    FEATURIZE: "turns the images into feature vectors",
    CHOOSE_LABELS: "chooses the given labels",
    TRAIN_BASE: "trains the classifier base on the given labels",
    PSEUDO_LABEL: "labels the other images",
    TRAIN_FINAL: "trains a candidate on given labels and pseudo-labels",
    GATE: "decides whether the candidate becomes the classifier final",
    BUILD_INDEX: "makes the search index",
    EVALUATE: "scores base and final on the test images",
    ATTACK: "tries to fool base and final",
    REPORT: "makes the report",
    "predict": "labels the images",
    ADVISE_K: "looks how many clusters there may be",
    CLUSTER: "divides the images into clusters",
    "name_clusters": "takes the best clusters and names them",
    "label_clusters": "labels the other images by their clusters",
    SCORE_CLUSTERS: "compares the clusters with the known labels",
    "index_gallery": "makes the search index",
    "train_labels": "takes the labels of the training images",
    EMBED: "learns what makes images alike, and embeds queries and gallery",
    KEYPOINTS: "finds the keypoints of queries and gallery",
    GROUPS: "finds groups of images of the same thing in the gallery",
    MATCH: "ranks the gallery for each query",
    SCORE_MATCHES: "compares the matches with the known labels",
    "report_matches": "makes the report",
    LABEL_MAP: "counts the labels, and which stand together",
    "cell": "trains and scores one model of the study",
}
UNSUPERVISED_JOBS = {CHOOSE_LABELS: "name_clusters", PSEUDO_LABEL: "label_clusters"}
_INGEST = ("dataset", "path", "limit", "leaks")
_TRAIN = ("classifier", "folds", "seed")
ARGUMENTS: dict[str, tuple[str, ...]] = {
    INGEST: (*_INGEST, "task"),
    FEATURIZE: ("extractor", "image_size", "weights", "preprocessing", "output", "precision"),
    CHOOSE_LABELS: ("labels_per_class", "labels", "label_choice", "stratified", "seed"),
    TRAIN_BASE: _TRAIN,
    PSEUDO_LABEL: ("labeller", "threshold", "class_thresholds", "percentile", "clusters", "novelty", "seed"),
    TRAIN_FINAL: _TRAIN,
    GATE: ("gate",),
    BUILD_INDEX: ("search_mode",),
    EVALUATE: (),
    ATTACK: (*("attacks", "attack_images", "attack_queries", "attack_epsilon_l2", "attack_epsilon_linf", "seed"),),
    REPORT: ("projection",),
}
UNSUPERVISED_ARGUMENTS: dict[str, tuple[str, ...]] = {
    **{stage: ARGUMENTS[stage] for stage in UNSUPERVISED_ORDER if stage in ARGUMENTS},
    INGEST: (*_INGEST, "labels_required"),
    ADVISE_K: ("seed",),
    CHOOSE_LABELS: ("clusterers", "cluster_seeds", "cluster_names", "name_clusters_by", "labels_per_cluster"),
    PSEUDO_LABEL: ("threshold",),
    SCORE_CLUSTERS: ("clusterers", "cluster_seeds"),
}
OPEN_IMAGES_ORDER = (INGEST, LABEL_MAP, *ORDER[1:])
OPEN_IMAGES_ARGUMENTS: dict[str, tuple[str, ...]] = {
    **ARGUMENTS,
    INGEST: (*_INGEST, *variants.DATASET_PARAMS[OPEN_IMAGES]),
    LABEL_MAP: ("path", "label_source", "label_threshold"),
}
MATCHING_STEPS = ("features", "embedded", "reranked")  # whose orders of the gallery are compared
MATCHING_JOBS = {CHOOSE_LABELS: "train_labels", BUILD_INDEX: "index_gallery", REPORT: "report_matches"}
MATCHING_ARGUMENTS: dict[str, tuple[str, ...]] = {
    INGEST: (*_INGEST, "to_match"),
    FEATURIZE: (*ARGUMENTS[FEATURIZE], "embedder", "augment"),
    CHOOSE_LABELS: (),
    EMBED: ("embedder", "seed"),
    KEYPOINTS: ("local_features",),
    GROUPS: (),
    BUILD_INDEX: (),
    MATCH: ("reranker", "matches"),
    SCORE_MATCHES: (),
    REPORT: (),
}


def shown(params: Mapping[str, Any]) -> dict[str, Any]:
    """Of a run's params those that are SHOWN; pseudo-labels of several labels an image come from no labeller.

    >>> shown({"dataset": "image_folder", "labeller": "consensus", "task": "multi_label", "seed": 0})
    {'dataset': 'image_folder'}
    """
    several = params.get(variants.TASK) == label_sets.MULTI_LABEL
    return {name: params[name] for name in SHOWN if name in params and not (several and name == LABELLER)}


def clusterings(clusterers: Sequence[str], tries: int) -> list[str]:
    """The name of each clustering of a run without labels: its clusterer and the number of the try.

    >>> clusterings(["temi", "kmeans"], 2)
    ['temi-0', 'temi-1', 'kmeans-0', 'kmeans-1']
    """
    return [f"{clusterer}-{number}" for clusterer in dict.fromkeys(clusterers) for number in range(tries)]


def clusterer_and_try(clustering: str) -> tuple[str, int]:
    """What the name of a clustering says.

    >>> clusterer_and_try("kmeans_network-3")
    ('kmeans_network', 3)
    """
    clusterer, number = clustering.rsplit("-", 1)
    return clusterer, int(number)
