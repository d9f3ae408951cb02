"""The form of `self_training`, whose fields other forms use too."""

from airflow.sdk import Param

from kindred_airflow.forms import fields

SELF_TRAINING = {
    "dataset": fields.choice(
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
    "limit": fields.optional_count(
        "Image limit",
        "Use only so many images of each split, for a quick look; of folders, some of every class. Empty: all images.",
    ),
    "leaks": Param(
        "drop",
        type="string",
        enum=["drop", "keep"],
        title="Copies of test images",
        description="Copies of test images among the training and unlabelled images: drop (recommended), or keep (as "
        "in the published study).",
    ),
    "extractor": fields.choice(
        "extractor",
        "pixels",
        "Feature extractor",
        "Turns each image into a feature vector. mobilenet_v2 is a good start for photographs.",
    ),
    "image_size": fields.optional_count(
        "Image size", "Images are resized to this side in pixels. Empty: the extractor's default.", 8
    ),
    "weights": Param(
        "imagenet",
        type="string",
        minLength=1,
        title="Network weights",
        description="Weights of a network extractor: imagenet (from $KERAS_HOME/models, or downloaded), random, or the "
        "path of a file.",
    ),
    "labels_per_class": fields.optional_count(
        "Number of labels per class", "Empty: use the total number of labels (next field).", 2
    ),
    "labels": fields.optional_count(
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
    "classifier": fields.choice(
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
    "labeller": fields.choice(
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
    "clusters": fields.optional_count(
        "Number of clusters", "Only for the method clusters. Empty: the number of given labels.", 2
    ),
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
