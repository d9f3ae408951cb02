"""How well clusters agree with classes."""

import numpy as np
import pytest

from kindred.evaluation import cluster_scores

LABELS = np.repeat([0, 1, 2], 10)


def test_renumbered_classes_are_right() -> None:
    scores = cluster_scores.scores((LABELS + 1) % 3, LABELS, 3, 3)

    assert scores == {"accuracy": 1, "nmi": pytest.approx(1), "ari": 1}


def test_of_two_clusters_of_one_class_only_one_counts_as_right() -> None:
    clusters = np.where(np.arange(30) < 4, 3, LABELS)

    assert cluster_scores.scores(clusters, LABELS, 4, 3)["accuracy"] == 26 / 30


def test_of_two_classes_in_one_cluster_only_one_counts_as_right() -> None:
    assert cluster_scores.scores(np.minimum(LABELS, 1), LABELS, 2, 3)["accuracy"] == 20 / 30


def test_a_cluster_stands_for_the_class_with_which_most_images_are_right_in_all() -> None:
    clusters = np.array([0, 0, 0, 0, 0, 1, 1])
    labels = np.array([0, 0, 0, 1, 1, 0, 0])

    assert cluster_scores.matched(clusters, labels, 2, 2).tolist() == [1, 0]


def test_a_class_among_the_first_clusters_counts_for_the_top_accuracy() -> None:
    probabilities = np.array([[0.7, 0.2, 0.1], [0.2, 0.7, 0.1], [0.1, 0.2, 0.7], [0.5, 0.4, 0.1]])
    labels = np.array([0, 1, 2, 1])

    assert cluster_scores.top_accuracy(probabilities, labels, 3, 1) == 0.75
    assert cluster_scores.top_accuracy(probabilities, labels, 3, 2) == 1
