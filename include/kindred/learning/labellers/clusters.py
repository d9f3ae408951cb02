"""k-means: an image takes the label of its cluster's representative, the known image nearest to the centroid, if it
lies within a percentile of the cluster's distances to it.

Source: the published study's label propagation; A. Géron, Hands-On Machine Learning (2nd ed., chapter 9).
"""

import numpy as np

from kindred.learning.pseudo_label_types import View

THRESHOLD = 0.0
OTHER_CLASSES = 0.01  # the probability left to the other classes together: a start, which calibration corrects


def probabilities(view: View, setting: None) -> np.ndarray:
    probabilities = np.zeros(view.base.shape)
    cluster, distance = view.clusters()
    representative: dict[int, tuple[float, int]] = {}  # by cluster: distance to the centroid, label
    for row, label in zip(view.known, view.labels, strict=True):
        number = int(cluster[row])
        if number not in representative or distance[row] < representative[number][0]:
            representative[number] = distance[row], label
    for number, (_, label) in representative.items():
        members = np.flatnonzero(cluster == number)
        within = members[distance[members] <= np.percentile(distance[members], view.settings.percentile)]
        probabilities[within] = OTHER_CLASSES / max(view.classes - 1, 1)
        probabilities[within, label] = 1 - OTHER_CLASSES
    return probabilities
