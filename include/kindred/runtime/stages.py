"""The stages' names, in the order in which the pipelines run them."""

SELF_TRAINING = "self_training"  # the main pipeline's DAG
INGEST, FEATURIZE, CHOOSE_LABELS = "ingest", "featurize", "choose_labels"
TRAIN_BASE, PSEUDO_LABEL, TRAIN_FINAL, GATE = "train_base", "pseudo_label", "train_final", "gate"
BUILD_INDEX, EVALUATE, ATTACK, REPORT = "build_index", "evaluate", "attack", "report"
ORDER = (
    *(INGEST, FEATURIZE, CHOOSE_LABELS, TRAIN_BASE, PSEUDO_LABEL, TRAIN_FINAL, GATE),
    *(BUILD_INDEX, EVALUATE, ATTACK, REPORT),
)
