"""Clusters as a classifier, for images that no clusterer has seen."""

import numpy as np

import blobs
from kindred.learning import carried_over, networks


def test_unseen_images_get_the_cluster_of_those_beside_them() -> None:
    network = carried_over.fit(blobs.features(), blobs.LABELS, blobs.CLASSES)

    unseen = network.probabilities(blobs.features(seed=1))

    np.testing.assert_array_equal(unseen.argmax(axis=1), blobs.LABELS)
    assert len(network.layers) == 1
    assert networks.from_bytes(network.to_bytes()) is not None
