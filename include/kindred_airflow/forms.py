"""The fields of the trigger forms: types, limits, choices and defaults, each once. Nothing heavy is imported here.

An optional field is null by default: Airflow's form treats an empty text as a required field that is not filled in.
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
        title="Run name",
        description="Name of the run's folder and of its MLflow run. Empty: Airflow's run id. The name of an earlier "
        "run resumes that run: stages that finished with the same values are skipped.",
    ),
}

SELF_TRAINING = {
    "dataset": _choice(
        "dataset", "digits", "Dataset", "Where the images come from. digits is included and needs no download."
    ),
    "path": Param(
        None,
        type=["null", "string"],
        minLength=1,
        title="Path",
        description="Folder, file or archive of the dataset; s3://bucket/prefix is possible for image_folder. Empty: "
        "fashion_mnist and stl10 are downloaded once.",
    ),
    "limit": _count("Image limit", "Use only the first images of each split, for a quick look. Empty: all images."),
    "leaks": Param(
        "drop",
        type="string",
        enum=["drop", "keep"],
        title="Copies of test images",
        description="Copies of test images among the training and unlabelled images: drop (recommended), or keep (as "
        "in the published study).",
    ),
    "extractor": _choice(
        "extractor",
        "pixels",
        "Feature extractor",
        "Turns each image into a feature vector. mobilenet_v2 is a good start for photographs.",
    ),
    "image_size": _count("Image size", "Images are resized to this side in pixels. Empty: the extractor's default.", 8),
    "weights": Param(
        "imagenet",
        type="string",
        minLength=1,
        title="Network weights",
        description="Weights of a network extractor: imagenet (from $KERAS_HOME/models, or downloaded), random, or the "
        "path of a file.",
    ),
    "labels_per_class": _count("Number of labels per class", "Empty: use the total number of labels (next field).", 2),
    "labels": _count(
        "Total number of labels",
        "Use this or the number per class, not both. Both empty: all known training labels.",
        2,
    ),
    "label_choice": Param(
        "random",
        type="string",
        enum=["random", "representatives"],
        title="Label selection",
        description="Which training images get their label: random ones (repeatable: by image id and seed), or "
        "representatives: the images nearest to the centroids of as many k-means clusters as the total number of "
        "labels.",
    ),
    "stratified": Param(
        True,
        type="boolean",
        title="Stratify labels by class",
        description="Divide the total number of labels among the classes in proportion to their size.",
    ),
    "classifier": _choice(
        "classifier",
        "logistic_regression",
        "Classifier",
        "Trained twice: base on the given labels, final on these and the pseudo-labels. multilayer_perceptron ignores "
        "sample weights: a pseudo-label counts as much as a given label.",
    ),
    "folds": Param(
        5,
        type="integer",
        minimum=2,
        maximum=50,
        title="Cross-validation folds",
        description="Number of folds. Lowered to the size of the smallest class.",
    ),
    "labeller": _choice(
        "labeller",
        "consensus",
        "Pseudo-labelling method",
        "confidence: the base classifier's prediction. neighbours: labels spread over a nearest-neighbour graph. "
        "consensus: both combined, or the better one. clusters: the label of the cluster's representative.",
    ),
    "threshold": Param(
        None,
        type=["null", "number"],
        minimum=0,
        maximum=1,
        title="Confidence threshold",
        description="A pseudo-label is accepted if its calibrated probability is at least this. Empty: the method's "
        "default: 0.95 for confidence; 0 for the others, which accept all and weight each by its probability.",
    ),
    "class_thresholds": Param(
        "fixed",
        type="string",
        enum=["fixed", "adaptive"],
        title="Class thresholds",
        description="fixed: the same threshold for every class. adaptive: a lower threshold for classes in which few "
        "images reach it.",
    ),
    "percentile": Param(
        100,
        type="number",
        minimum=0,
        maximum=100,
        title="Cluster percentile",
        description="Only for the method clusters: this percentage of each cluster, nearest to its centroid, gets a "
        "pseudo-label.",
    ),
    "clusters": _count("Number of clusters", "Only for the method clusters. Empty: the number of given labels.", 2),
    "novelty": Param(
        True,
        type="boolean",
        title="Exclude out-of-distribution images",
        description="No pseudo-label for images that are further from the given images than these are from each other "
        "(probably of an unknown class). Acts only if there are more such images than expected by chance.",
    ),
    "gate": Param(
        "no_harm",
        type="string",
        enum=["no_harm", "must_gain", "off"],
        title="Gate",
        description="When the model trained with pseudo-labels becomes final. no_harm: its out-of-fold log loss and "
        "accuracy are not worse than base's. must_gain: its gain in accuracy is significant. off: always. Otherwise "
        "final is base.",
    ),
    "projection": Param(
        "pca",
        type="string",
        enum=["pca", "tsne"],
        title="Projection of the embedding map",
        description="How the report maps the images onto a plane. pca: the directions of largest variance. tsne: keeps "
        "neighbours together.",
    ),
    "seed": Param(0, type="integer", minimum=0, title="Random seed", description="Same params and seed: same figures."),
}

ATTACKS = ["simba_l2", "square_l2", "square_linf"]
ATTACK = {
    "attack": Param(
        False,
        type="boolean",
        title="Attack the models",
        description="Measure robustness: run black-box attacks on base and final with test images, and compare them.",
    ),
    "attacks": Param(
        ATTACKS,
        type="array",
        minItems=1,
        uniqueItems=True,
        items={"type": "string", "enum": ATTACKS},
        examples=ATTACKS,
        title="Attacks",
        description="SimBA changes one pixel at a time, Square Attack one square at a time. The norm (l2, linf) limits "
        "the change.",
    ),
    "attack_images": _count("Number of attacked images", "Empty: 200, or 50 with a network extractor."),
    "attack_queries": _count(
        "Queries per image",
        "Maximum number of model queries per attack and image. Empty: 1,000, or 500 with a network extractor.",
    ),
    "attack_epsilon_linf": _epsilon(
        "L-infinity bound",
        "Largest change of a pixel value; 1 is the range from black to white. Empty: 0.3 / sqrt(image side in pixels), "
        "which is 8/255 (0.03) at 96 px, usual for photographs, and 0.11 at 8 px.",
        1,
    ),
    "attack_epsilon_l2": _epsilon(
        "L2 bound",
        "Largest L2 norm of the change; 1 is one value changed from black to white. Empty: half the default L-infinity "
        "bound in every value, which is 2.6 at 96 px in colour and 0.42 at 8 px in grey.",
    ),
}

LABEL_PROPAGATION = {
    "dataset": _choice(
        "dataset", "fashion_mnist", "Dataset", "Where the images come from. Default: the dataset of the study."
    ),
    **{name: SELF_TRAINING[name] for name in ("path", "limit")},
    "budgets": _several(
        [500, 1000, 2000],
        "integer",
        {"minimum": 2},
        "Label budgets",
        "Numbers of given labels: of random images, and of the representatives of as many clusters.",
    ),
    "centroids": _several(
        [100, 200, 300],
        "integer",
        {"minimum": 2},
        "Numbers of centroids",
        "For each: logistic regression on all labels, with the distances to this many k-means centroids as features.",
    ),
    "percentiles": _several(
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
    "seed": SELF_TRAINING["seed"],
}

PREDICT = {
    "run": Param(
        "",
        type="string",
        minLength=1,
        title="Run",
        description="Finished run whose final model is used: its name, DAG/name, or the URI of its folder.",
    ),
    "images": Param(
        "", type="string", minLength=1, title="Images", description="Folder of images; subfolders are included."
    ),
}

PROMOTE = {
    "run": Param(
        "",
        type="string",
        minLength=1,
        title="Run",
        description="Finished run to serve: its name, DAG/name, or the URI of its folder.",
    ),
}
