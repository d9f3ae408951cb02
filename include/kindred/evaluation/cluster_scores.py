"""How well clusters agree with classes. Classes are known here alone: no clusterer, advisor or choice sees them."""

import numpy as np


def matched(clusters: np.ndarray, labels: np.ndarray, k: int, classes: int) -> np.ndarray:
    """The class [k] that each cluster stands for, -1 for none: the pairs of one cluster and one class under which most
    images are right. clusters [n] below k, labels [n] below `classes`.

    Source: H. Kuhn, The Hungarian Method for the Assignment Problem (Naval Research Logistics 1955).

    >>> matched(np.array([1, 1, 0, 2]), np.array([0, 0, 1, 1]), 3, 2).tolist()
    [1, 0, -1]
    """
    from scipy.optimize import linear_sum_assignment

    counts = np.bincount(clusters * classes + labels, minlength=k * classes).reshape(k, classes)
    of_cluster = np.full(k, -1)
    rows, columns = linear_sum_assignment(counts, maximize=True)
    of_cluster[rows] = columns
    return of_cluster


def scores(clusters: np.ndarray, labels: np.ndarray, k: int, classes: int) -> dict[str, float]:
    """Accuracy, where each cluster stands for the class that it is matched with and images of the other clusters count
    as wrong; normalised mutual information and the adjusted Rand index.

    >>> found = scores(np.array([1, 1, 0, 2]), np.array([0, 0, 1, 1]), 3, 2)
    >>> {name: round(value, 3) for name, value in found.items()}
    {'accuracy': 0.75, 'nmi': 0.8, 'ari': 0.571}
    """
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    return {
        "accuracy": float((matched(clusters, labels, k, classes)[clusters] == labels).mean()),
        "nmi": float(normalized_mutual_info_score(labels, clusters)),
        "ari": float(adjusted_rand_score(labels, clusters)),
    }


def top_accuracy(probabilities: np.ndarray, labels: np.ndarray, classes: int, first: int) -> float:
    """The share of images whose class is among the `first` clusters of theirs [n, k], each standing for its matched
    class (the protocol of W. Van Gansbeke et al., SCAN, ECCV 2020, section 3.1).

    >>> top_accuracy(np.array([[0.6, 0.4], [0.9, 0.1], [0.7, 0.3]]), np.array([0, 0, 1]), 2, first=2)
    1.0
    """
    k = probabilities.shape[1]
    classes_of = matched(probabilities.argmax(axis=1), labels, k, classes)
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :first]
    return float((classes_of[best] == labels[:, None]).any(axis=1).mean())
