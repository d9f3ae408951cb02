"""k-means: an image takes the label of its cluster's representative, the known image nearest to the centroid, if it
lies within a percentile of the cluster's distances to it.

Source: the published study's label propagation; A. Géron, Hands-On Machine Learning (2nd ed., chapter 9).
"""

import numpy as np

from kindred.learning.pseudo_label_types import Scene

THRESHOLD = 0.0
DOUBT = 0.01  # what an opinion leaves to the other classes; calibration makes of it what it is worth


def opinion(scene: Scene, setting: None) -> np.ndarray:
    found = np.zeros(scene.base.shape)
    cluster, distance = scene.clusters()
    nearest = {}
    for row, label in zip(scene.known, scene.labels, strict=True):
        if cluster[row] not in nearest or distance[row] < nearest[cluster[row]][0]:
            nearest[cluster[row]] = (distance[row], label)
    for number, (_, label) in nearest.items():
        members = np.flatnonzero(cluster == number)
        within = members[distance[members] <= np.percentile(distance[members], scene.settings.percentile)]
        found[within] = DOUBT / max(scene.classes - 1, 1)
        found[within, label] = 1 - DOUBT
    return found
