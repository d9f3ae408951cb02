"""Clusterings as files."""

import numpy as np

from kindred.learning import prototypes, saved_clustering
from kindred.learning.saved_clustering import SavedClustering

FEATURES = np.array([[0, 0], [2, 0], [9, 9], [9, 7], [9, 8]], np.float32)
CLUSTERS = np.array([0, 0, 1, 1, 1])


def test_the_largest_cluster_comes_first_with_its_centroid() -> None:
    found = saved_clustering.by_size(saved_clustering.with_means(FEATURES, CLUSTERS, 2))

    assert found.cluster.tolist() == [1, 1, 0, 0, 0]
    assert found.centroids.tolist() == [[9, 8], [1, 0]]
    assert found.distance.tolist() == [1, 1, 1, 1, 0]


def test_a_file_gives_back_what_was_put_in() -> None:
    found = saved_clustering.with_means(FEATURES, CLUSTERS, 2)

    back = SavedClustering.from_bytes(found.to_bytes())

    for name in ("centroids", "cluster", "distance"):
        np.testing.assert_array_equal(getattr(back, name), getattr(found, name))


def test_prototypes_are_the_nearest_to_the_centre_and_the_least_certain() -> None:
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7], [0.1, 0.9], [0.2, 0.8]])

    central = prototypes.by_distance(CLUSTERS, saved_clustering.with_means(FEATURES, CLUSTERS, 2).distance, 2)
    border = prototypes.border(CLUSTERS, probabilities, 2)

    assert [rows[0] for rows in central] == [0, 4]
    assert [rows.tolist() for rows in border] == [[1, 0], [2, 4, 3]]
