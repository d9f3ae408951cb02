"""Clusters as a classifier: one dense layer that learns to tell them apart, so images that no clusterer has seen get a
cluster too, and a clustering is stored, exported and served as every classifier is.
"""

import numpy as np

from kindred.learning.classifiers import logistic_regression
from kindred.learning.networks import Network

PENALTY = 0.025  # C of the logistic regression: the middle of its settings


def fit(features: np.ndarray, clusters: np.ndarray, k: int, sure: np.ndarray | None = None) -> Network:
    """The layer from features [n, d] and the cluster of each image [n], of k; from the images alone that are `sure`
    [n], a mask, where that is given: self-labelling, as W. Van Gansbeke et al. do it (SCAN, ECCV 2020, section 2.3),
    but of the last layer alone.
    """
    weights = np.ones(len(clusters)) if sure is None else sure.astype(float)
    return logistic_regression.fit(features, clusters, weights, k, 0, PENALTY)
