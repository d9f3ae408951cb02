"""Scores of predictions of several labels an image, over the pairs of image and class that are known."""

import numpy as np

from kindred.learning.multi_label import Labels

PRIOR_POSITIVES = 20  # of all classes, that a class's own count as much as: few do not tell where its threshold lies
STEPS = 400  # thresholds that are tried


def thresholds(values: np.ndarray, labels: Labels) -> np.ndarray:
    """The probability [k] from which on an image has a class: where F1 is greatest, of probabilities [n, k] by models
    that have not seen the images. A class's counts are joined by those of all classes, scaled to PRIOR_POSITIVES.
    """
    tried = np.unique(np.quantile(values[labels.known], np.linspace(0, 1, STEPS)))
    chosen = (values[None] >= tried[:, None, None]) & labels.known
    right, found = (chosen & labels.present).sum(axis=1), chosen.sum(axis=1)  # [t, k]
    there = (labels.present & labels.known).sum(axis=0)
    scale = PRIOR_POSITIVES / max(1, there.sum())
    f1 = 2 * (right + scale * right.sum(axis=1, keepdims=True))
    f1 = f1 / np.maximum(found + there + scale * (found.sum(axis=1, keepdims=True) + there.sum()), 1e-12)
    best: np.ndarray = tried[f1.argmax(axis=0)]
    return best


def scores(values: np.ndarray, limits: np.ndarray, labels: Labels) -> dict[str, float]:
    """All scores of probabilities [n, k], with thresholds [k] for those of sets of labels. Means over classes leave out
    those that no known image has, and that of average precision also those that all have; subset accuracy and LRAP are
    over images of which all classes are known.

    Sources: M. Zhang, Z. Zhou, A Review on Multi-label Learning Algorithms (TKDE 2014, section 2.2); average precision
    as scikit-learn's.

    >>> labels = Labels(np.ones((2, 2), bool), np.array([[True, False], [True, True]]))
    >>> found = scores(np.array([[0.9, 0.6], [0.8, 0.7]]), np.array([0.5, 0.5]), labels)
    >>> {name: round(found[name], 3) for name in ("micro_f1", "subset_accuracy", "hamming_loss")}
    {'micro_f1': 0.857, 'subset_accuracy': 0.5, 'hamming_loss': 0.25}
    """
    from sklearn import metrics

    chosen = (values >= limits) & labels.known
    present, right = labels.present & labels.known, chosen & labels.present
    sizes, there = chosen.sum(axis=0) + present.sum(axis=0), present.any(axis=0)
    precisions = [
        metrics.average_precision_score(labels.present[own, c], values[own, c])
        for c, own in enumerate(labels.known.T)
        if there[c] and not labels.present[own, c].all()
    ]
    whole = labels.known.all(axis=1) & present.any(axis=1)
    known = labels.known.sum()
    found = {
        "mean_average_precision": np.mean(precisions) if precisions else np.nan,
        "micro_f1": 2 * right.sum() / max(1, sizes.sum()),
        "macro_f1": (2 * right.sum(axis=0) / np.maximum(sizes, 1))[there].mean() if there.any() else np.nan,
        "hamming_loss": (chosen != present).sum() / max(1, known),
    }
    if whole.any():
        one = values[whole].argmax(axis=1)
        found |= {
            "subset_accuracy": (chosen[whole] == present[whole]).all(axis=1).mean(),
            "ranking_average_precision": metrics.label_ranking_average_precision_score(present[whole], values[whole]),
            "one_error": 1 - present[whole][np.arange(len(one)), one].mean(),
        }
    return {name: float(value) for name, value in found.items()}
