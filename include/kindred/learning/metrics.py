"""Scores of predicted class probabilities against true labels. scikit-learn's, and by hand only what it
does not have.
"""

import numpy as np

CALIBRATION_BINS = 15
MIN_PROBABILITY = 1e-15  # the log loss of a true class held for impossible is 34.5


def log_losses(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """-log of the probability of each row's true class. labels [n] int, probabilities [n, classes]; [n]."""
    return -np.log(np.maximum(probabilities[np.arange(len(labels)), labels], MIN_PROBABILITY))


def brier_scores(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Squared distance of each row's probabilities to its true class. labels [n] int, probabilities [n, classes]; [n].

    Source: G. Brier (Monthly Weather Review 1950): 0 is perfect, 2 is certain of a wrong class.
    """
    return ((probabilities - np.eye(probabilities.shape[1])[labels]) ** 2).sum(axis=1)


def scores(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """All scores of a model on a split. Precision, recall, F1 and rates are means over classes, weighted by their size.

    labels [n] int, probabilities [n, classes]. ROC AUC is one-vs-rest, and left out where only one class is there.

    >>> values = scores(np.array([0, 1, 1, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.6, 0.4]]))
    >>> {name: round(values[name], 4) for name in ("accuracy", "f1", "mcc", "log_loss", "roc_auc")}
    {'accuracy': 0.75, 'f1': 0.7667, 'mcc': 0.5774, 'log_loss': 0.4004, 'roc_auc': 1.0}
    """
    from sklearn import metrics

    predicted = probabilities.argmax(axis=1)
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        labels, predicted, average="weighted", zero_division=0
    )
    values = {
        "accuracy": metrics.accuracy_score(labels, predicted),
        "precision": precision,
        "recall": recall,
        "f1": f1,
        "true_positive_rate": recall,
        "false_positive_rate": _false_positive_rate(labels, predicted, probabilities.shape[1]),
        "mcc": metrics.matthews_corrcoef(labels, predicted),
        "log_loss": log_losses(labels, probabilities).mean(),
        "expected_calibration_error": calibration_error(labels, probabilities),
    }
    present = np.unique(labels)
    if len(present) > 1:
        areas = [metrics.roc_auc_score(labels == c, probabilities[:, c]) for c in present]
        values["roc_auc"] = np.average(areas, weights=[(labels == c).sum() for c in present])
    return {name: float(value) for name, value in values.items()}


def calibration_error(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Expected calibration error of the top probability, 15 bins of equal width (Guo et al. 2017, section 2)."""
    bins, gaps = calibration_gaps(labels, probabilities)
    return float(np.abs(np.bincount(bins, gaps)).sum() / len(labels))


def calibration_gaps(labels: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each row the bin [n] of its top probability, 0 to CALIBRATION_BINS - 1, and right (1 or 0) minus that
    probability [n].
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    return np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1), right - confidence


def mcnemar_p(one: np.ndarray, other: np.ndarray) -> float:
    """McNemar's exact test: p of equal accuracy for two models, right (1) or wrong (0) on the same images [n]."""
    from scipy.stats import binomtest

    only_one, only_other = int((one > other).sum()), int((other > one).sum())
    return float(binomtest(only_one, only_one + only_other).pvalue) if only_one + only_other else 1.0


def _false_positive_rate(labels: np.ndarray, predicted: np.ndarray, classes: int) -> float:
    from sklearn.metrics import confusion_matrix

    counts = confusion_matrix(labels, predicted, labels=np.arange(classes))
    support = counts.sum(axis=1)
    false_positives = counts.sum(axis=0) - np.diag(counts)
    negatives = support.sum() - support
    rates = np.divide(false_positives, negatives, out=np.zeros(classes), where=negatives > 0)
    return float(np.average(rates, weights=support))
