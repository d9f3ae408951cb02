"""The fields of the trigger forms: types, limits, choices and defaults, each once. Nothing heavy is imported here.

What may stay empty is null: Airflow's form takes an empty text for one that is still to be filled in.
"""

from airflow.sdk import Param

from kindred.runtime import variants


def _choice(kind: str, default: str, title: str, description: str) -> Param:
    return Param(default, type="string", enum=variants.names(kind), title=title, description=description)


def _count(title: str, description: str, minimum: int = 1) -> Param:
    return Param(None, type=["null", "integer"], minimum=minimum, title=title, description=description)


def _epsilon(title: str, description: str, maximum: float | None = None) -> Param:
    limit = {} if maximum is None else {"maximum": maximum}
    return Param(None, type=["null", "number"], exclusiveMinimum=0, title=title, description=description, **limit)


def _several(default: list, kind: str, limits: dict, title: str, description: str) -> Param:
    items = {"type": kind, **limits}
    return Param(default, type="array", minItems=1, items=items, title=title, description=description)


RUN = {
    "run_name": Param(
        None,
        type=["null", "string"],
        pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,119})?$",
        title="Name of the run",
        description="Its folder and its name in MLflow. Empty: Airflow's run id. The name of an earlier run "
        "resumes it: finished stages with the same values are skipped.",
    ),
}

SELF_TRAINING = {
    "dataset": _choice("dataset", "digits", "Dataset", "Where the images come from; digits is embedded."),
    "path": Param(
        None,
        type=["null", "string"],
        minLength=1,
        title="Path",
        description="The folder, file or archive of the dataset. Empty: fashion_mnist and stl10 are downloaded, once.",
    ),
    "limit": _count("Limit", "Take only so many first images of each split, for a quick look. Empty: all."),
    "leaks": Param(
        "drop",
        type="string",
        enum=["drop", "keep"],
        title="Leaks",
        description="Copies of test images among the training or unlabelled ones: drop them (right), or keep them (as "
        "published figures did).",
    ),
    "extractor": _choice(
        "extractor",
        "pixels",
        "Extractor",
        "What turns an image into features. mobilenet_v2 is a good start for photographs.",
    ),
    "image_size": _count("Image size", "Side in pixels to which images are resized. Empty: the extractor's own.", 8),
    "weights": Param(
        "imagenet",
        type="string",
        minLength=1,
        title="Weights",
        description="Of a network extractor: imagenet (found in $KERAS_HOME/models, else downloaded), random, or a "
        "file.",
    ),
    "labels_per_class": _count("Labels per class", "Given labels for each class. Empty: see the next field.", 2),
    "labels": _count("Labels in all", "Given labels in all. Both empty: every known training label.", 2),
    "label_choice": Param(
        "random",
        type="string",
        enum=["random", "representatives"],
        title="Choice of labels",
        description="Which images get their label: random ones (by a hash of the image and the seed), or of as many "
        "clusters as labels in all the image nearest to each centroid.",
    ),
    "stratified": Param(
        True, type="boolean", title="Stratified", description="Give each class its share of the labels in all."
    ),
    "classifier": _choice(
        "classifier",
        "logistic_regression",
        "Classifier",
        "Trained twice: base on the given labels, final on those and the pseudo-labels. multilayer_perceptron takes no "
        "weights: there a pseudo-label counts as much as a given one.",
    ),
    "folds": Param(5, type="integer", minimum=2, maximum=50, title="Folds", description="Of the cross-validation."),
    "labeller": _choice(
        "labeller",
        "consensus",
        "Labeller",
        "Who says which pseudo-label an unlabelled image gets: the classifier's own confidence, labels spread over "
        "nearest neighbours, both together or the better of them (consensus), or the representative of its cluster.",
    ),
    "threshold": Param(
        None,
        type=["null", "number"],
        minimum=0,
        maximum=1,
        title="Threshold",
        description="A pseudo-label is accepted where its calibrated probability reaches this. 0 takes all. Empty: the "
        "labeller's own (confidence 0.95, the others 0: there the weights do the work).",
    ),
    "class_thresholds": Param(
        "fixed",
        type="string",
        enum=["fixed", "adaptive"],
        title="Class thresholds",
        description="The same threshold for every class, or a lower one for classes of which few images reach it.",
    ),
    "percentile": Param(
        100,
        type="number",
        minimum=0,
        maximum=100,
        title="Percentile",
        description="Of the labeller clusters: only so many percent of each cluster, nearest to its centroid, get a "
        "label.",
    ),
    "clusters": _count("Clusters", "Of the labeller clusters. Empty: as many as there are given labels.", 2),
    "novelty": Param(
        True,
        type="boolean",
        title="Keep out the unknown",
        description="No pseudo-label for images that lie further from every given image than given images do (of no "
        "known class), where there are more of them than chance explains.",
    ),
    "gate": Param(
        "no_harm",
        type="string",
        enum=["no_harm", "must_gain", "off"],
        title="Gate",
        description="When pseudo-labels may make the final model: if out-of-fold log loss and accuracy are not worse "
        "than base's (no_harm), if a gain is shown (must_gain), or always (off). Refused: final is base.",
    ),
    "projection": Param(
        "pca",
        type="string",
        enum=["pca", "tsne"],
        title="Projection",
        description="How the report maps images onto a plane: by the directions of largest variance (pca), or by who "
        "is near whom (tsne).",
    ),
    "seed": Param(0, type="integer", minimum=0, title="Seed", description="Of everything that is left to chance."),
}

ATTACKS = ["simba_l2", "square_l2", "square_linf"]
ATTACK = {
    "attack": Param(
        False,
        type="boolean",
        title="Attack",
        description="Try to fool base and final with changed test images (black-box attacks), and compare them.",
    ),
    "attacks": Param(
        ATTACKS,
        type="array",
        minItems=1,
        uniqueItems=True,
        items={"type": "string", "enum": ATTACKS},
        examples=ATTACKS,
        title="Attacks",
        description="SimBA changes one pixel at a time, Square Attack a square at a time; the norm bounds the change.",
    ),
    "attack_images": _count("Attacked images", "How many test images. Empty: 200, or 50 where a network extracts."),
    "attack_queries": _count(
        "Queries",
        "How often each attack may ask a model about an image. Empty: 1,000, or 500 where a network extracts.",
    ),
    "attack_epsilon_linf": _epsilon(
        "L-infinity epsilon",
        "How far each value of a pixel may move; 1 is the whole range from black to white. Empty: 0.3 over the root of "
        "the image's side: 8/255 (0.03) at 96 px, usual for photographs, and 0.11 at 8 px, where few pixels must do.",
        1,
    ),
    "attack_epsilon_l2": _epsilon(
        "L2 epsilon",
        "The longest change (root of the sum of squares) of all values; 1 is one value from black to white. Empty: "
        "that of half the default L-infinity epsilon in every value: 2.6 at 96 px in colour, 0.42 at 8 px in grey.",
    ),
}

LABEL_PROPAGATION = {
    "dataset": _choice("dataset", "fashion_mnist", "Dataset", "Where the images come from; by default the study's."),
    **{name: SELF_TRAINING[name] for name in ("path", "limit")},
    "budgets": _several(
        [500, 1000, 2000],
        "integer",
        {"minimum": 2},
        "Label budgets",
        "How many labels are given: on random images, and on the representatives of as many clusters.",
    ),
    "centroids": _several(
        [100, 200, 300],
        "integer",
        {"minimum": 2},
        "Centroids",
        "Numbers of clusters, the distances to whose centroids are features for logistic regression with all labels.",
    ),
    "percentiles": _several(
        [20, 25, 30, 50, 75],
        "number",
        {"minimum": 0, "maximum": 100},
        "Percentiles",
        "Labels are propagated to whole clusters, and to so many percent of each cluster, nearest to its centroid.",
    ),
    "network": Param(
        False,
        type="boolean",
        title="Network",
        description="Train the study's convolutional network too, on all labels and for each budget. With 60,000 "
        "images and no GPU that takes hours.",
    ),
    "seed": SELF_TRAINING["seed"],
}

PREDICT = {
    "run": Param(
        "",
        type="string",
        minLength=1,
        title="Run",
        description="The finished run whose final model is used: its name, DAG/name, or the URI of its folder.",
    ),
    "images": Param(
        "", type="string", minLength=1, title="Images", description="A folder of images (with all its subfolders)."
    ),
}

PROMOTE = {
    "run": Param(
        "",
        type="string",
        minLength=1,
        title="Run",
        description="The finished run to serve: its name, DAG/name, or the URI of its folder.",
    ),
}
