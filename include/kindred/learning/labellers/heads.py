"""The clusters' opinion: heads that were trained without labels (TEMI) say to which clusters an image belongs, and the
known labels say of which classes a cluster's images are.

Source: the clusterer `temi`; the classes of a cluster as in a mixture model with few labels (K. Nigam et al., Text
Classification from Labeled and Unlabeled Documents, Machine Learning 2000, section 5.3.2), with one label more for all
classes alike.
"""

import numpy as np

from kindred.learning.clusterers import temi
from kindred.learning.pseudo_label_types import View

THRESHOLD = 0.0
SETTINGS = (1, 2)  # clusters for each class
PRIOR = 0.1  # labels of any class, in a cluster of which nothing is known


def probabilities(view: View, clusters_per_class: int) -> np.ndarray:
    """[n, classes]: the classes of each cluster, weighted by how much an image belongs to it."""
    k = min(clusters_per_class * view.classes, temi.MAX_CLUSTERS, len(view.pool.ids))
    memberships = temi.memberships(view.pool, k, view.settings.seed).astype(np.float64)
    memberships /= memberships.sum(axis=1, keepdims=True)
    mass = memberships[view.known].T @ np.eye(view.classes)[view.labels] + PRIOR / view.classes
    return np.asarray(memberships @ (mass / mass.sum(axis=1, keepdims=True)))
