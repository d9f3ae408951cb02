"""A published study of cars and trees in Open Images: its figures, what they measured, and scores in its way.

The study took a row of its label table for an example: an image with both labels was one of each class, and as rows
were split at random without a seed, often in the training and in the test part. Its AUC is that of predicted classes,
not of probabilities; of two classes that is the mean of both recalls. Its exploration counted all rows of a label as
images that show it, although people's rows also say *verified absent*.
"""

import numpy as np

from kindred.learning import metrics

ACCURACY, F1, AUC, HARD_AUC = SCORES = ("accuracy", "f1", "roc_auc", "hard_roc_auc")
PUBLISHED = {ACCURACY: 0.9265, F1: 0.9266, HARD_AUC: 0.9286}
PUBLISHED_ROWS, PUBLISHED_POSITIVE_ROWS = 15_095, 8_823  # of cars and trees, and of these such as say present


def scores(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """SCORES of a model on test images, of labels [n] int and probabilities [n, classes]; the F1 is a mean over classes
    weighted by their size, and an AUC is left out where only one class is there.

    >>> scores(np.array([0, 1, 1, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.6, 0.4]]))["roc_auc"]
    1.0
    >>> round(scores(np.array([0, 1, 1, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.6, 0.4]]))[HARD_AUC], 4)
    0.8333
    """
    own = metrics.scores(labels, probabilities)
    hard = metrics.scores(labels, np.eye(probabilities.shape[1])[probabilities.argmax(axis=1)])
    found = {name: own[name] for name in (ACCURACY, F1, AUC) if name in own}
    return found | ({HARD_AUC: hard[AUC]} if AUC in hard else {})
