"""The stages of self-training once: their names in their order, the job of each, and the arguments that it takes."""

SELF_TRAINING = "self_training"  # the main pipeline's DAG
INGEST, FEATURIZE, CHOOSE_LABELS = "ingest", "featurize", "choose_labels"
TRAIN_BASE, PSEUDO_LABEL, TRAIN_FINAL, GATE = "train_base", "pseudo_label", "train_final", "gate"
BUILD_INDEX, EVALUATE, ATTACK, REPORT = "build_index", "evaluate", "attack", "report"
ORDER = (
    *(INGEST, FEATURIZE, CHOOSE_LABELS, TRAIN_BASE, PSEUDO_LABEL, TRAIN_FINAL, GATE),
    *(BUILD_INDEX, EVALUATE, ATTACK, REPORT),
)
JOBS = {TRAIN_BASE: "train", TRAIN_FINAL: "train"}  # of the other stages, the job has the stage's name
SHOWN = ("dataset", "extractor", "classifier", "labeller")  # params that lists of runs show, filter and group by
WORK = {  # what a stage does, for a person who waits for it; of stages with a name of their own, by their job
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
    "cluster": "groups the images around centroids",
    "cell": "trains and scores one model of the study",
}
_TRAIN = ("classifier", "folds", "seed")
ARGUMENTS: dict[str, tuple[str, ...]] = {
    INGEST: ("dataset", "path", "limit", "leaks"),
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
