"""The form of `self_training`, whose fields other forms use too. What most runs set stands before the sections."""

from airflow.sdk import Param

from kindred.runtime import label_budget, label_sets, variants
from kindred_airflow.forms import fields

COMMON = {
    "dataset": fields.choice(
        "dataset",
        "digits",
        "Dataset",
        "Where the images come from. image_folder: your own images, in the folder below. digits is included and needs "
        "no download.",
    ),
    "path": Param(
        None,
        type=["null", "string"],
        minLength=1,
        title="Path",
        description="Folder, file or archive of the dataset, on the machine that runs Airflow; for image_folder also "
        "s3://bucket/prefix. Required for image_folder and parquet. Empty for digits; where it is empty, fashion_mnist "
        "and stl10 are downloaded.",
    ),
    "task": Param(
        label_sets.SINGLE_LABEL,
        type="string",
        enum=list(label_sets.TASKS),
        title="Task",
        description="single_label: each image is of one class. multi_label: an image may show several of the classes, "
        "or none of them (image_folder, open_images). The numbers of labels then count images, each given with all "
        "that is known of it; stratified does nothing. Pseudo-labels go by quota, so that labeller, threshold, "
        "class_thresholds, percentile, clusters and novelty do nothing; the classifier multilayer_perceptron, the "
        "label selection representatives and attacks are refused.",
    ),
    "extractor": fields.choice(
        "extractor",
        variants.AUTO,
        "Feature extractor",
        "Turns each image into a feature vector. auto: pixels for digits; patch_kmeans, which learns from your images, "
        "where their longer side is 32 px or less (the median); else efficientnet_lite2, a network for photographs, or "
        "efficientnet_lite0, twice as fast, for more than 100,000 images per core. Published methods "
        "without labels and weights: rgb_histogram, eigenfaces, hog, sift_words; rotation, jigsaw and exemplar, small "
        "networks that learn from your images for minutes.",
    ),
    "labels_per_class": fields.optional_count(
        "Labels per class",
        "How many of the known labels the run may learn from; the others stay hidden, to check what it makes of them. "
        "Where this and the next field are empty: 10 for digits, 50 for fashion_mnist, all for the other datasets.",
        2,
    ),
    "labels": fields.optional_count(
        "Labels in total", "The same in total, for all classes together. Fill in this or the number per class.", 2
    ),
}

IMAGES = {
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
    "image_size": fields.optional_count(
        "Image size", "Images are resized to this side in pixels. Empty: the extractor's default.", 8
    ),
    "weights": Param(
        "imagenet",
        type="string",
        minLength=1,
        title="Network weights",
        description="Only for networks: imagenet (installed with efficientnet_lite0 to 2; of mobilenet, mobilenet_v2, "
        "resnet50 and inception_v3 from $KERAS_HOME/models, or downloaded once), random, or the path of a file. "
        "For onnx: the path or URI of the ONNX file; a text encoder beside it lets the search take words.",
    ),
    "preprocessing": Param(
        "",
        type="string",
        title="Preprocessing of the ONNX file",
        description="Only for onnx: clip, imagenet, inception, or JSON such as "
        '{"preset": "imagenet", "interpolation": "bilinear", "crop": 1}. Empty: what the file says itself.',
    ),
    "output": Param(
        "",
        type="string",
        title="Output of the ONNX file",
        description="Only for onnx: the output that holds the features; of tokens with :class (the first token) or "
        ":mean behind the name. Empty: the only output with a vector for each image.",
    ),
    "precision": Param(
        variants.FLOAT32,
        type="string",
        enum=list(variants.PRECISIONS),
        title="Precision of the network",
        description="Only for networks. int8: 8-bit integers, calibrated by 256 of your images: about twice as fast "
        "where the processor has instructions for them (the console says so), at nearly the same accuracy. "
        "int8_openvino: the same network in OpenVINO, faster still, where that package is installed.",
    ),
}

CLASSIFIER = {
    "label_choice": Param(
        label_budget.RANDOM,
        type="string",
        enum=list(label_budget.LABEL_CHOICES),
        title="Label selection",
        description="Which training images keep their label. random: repeatable, by image id and seed. "
        "representatives: the images nearest to the centres of as many clusters as there are labels in total, by the "
        "clustering that says most about an image's neighbours; as many as classes may be enough. all: every known "
        "label; both numbers above stay empty.",
    ),
    "stratified": Param(
        True,
        type="boolean",
        title="Stratify labels by class",
        description="Divide the labels in total among the classes in proportion to their size.",
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
}

PSEUDO_LABELS = {
    "labeller": fields.choice(
        "labeller",
        "consensus",
        "Pseudo-labelling method",
        "confidence: the base classifier's prediction. neighbours: labels spread over a nearest-neighbour graph. "
        "heads: the class of the cluster that heads trained without labels put an image into. consensus: these three "
        "combined. clusters: the label of the cluster's representative.",
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
        description="When the model trained with pseudo-labels becomes final. no_harm: on given labels that neither "
        "model saw, a paired test finds neither its log loss nor its accuracy worse than base's; below 200 given "
        "labels its mean Brier score decides. must_gain: its gain in accuracy is significant. off: always. Otherwise "
        "final is base.",
    ),
}

REPORT = {
    "projection": Param(
        "pca",
        type="string",
        enum=["pca", "tsne"],
        title="Projection of the embedding map",
        description="How the report maps the images onto a plane. pca: the directions of largest variance. tsne: keeps "
        "neighbours together.",
    ),
    "seed": Param(
        0,
        type="integer",
        minimum=0,
        title="Random seed",
        description="Same params and seed: same figures. Another seed: other given labels.",
    ),
}

SEARCH = {
    "search_mode": Param(
        variants.EXACT,
        type="string",
        enum=list(variants.SEARCH_MODES),
        title="Search mode",
        description="exact: every search finds the most similar images. approximate: a search may also be asked for "
        "quick answers that miss some of them, and say how many (measured on your images). For more than about a "
        "million images.",
    ),
}

SELF_TRAINING = {
    **COMMON,
    **fields.section("Images and features", IMAGES),
    **fields.section("Given labels and classifier", CLASSIFIER),
    **fields.section("Pseudo-labels and gate", PSEUDO_LABELS),
    **fields.section("Search", SEARCH),
    **fields.section("Report and random seed", REPORT),
}
