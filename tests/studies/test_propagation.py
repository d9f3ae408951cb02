"""Labels propagated to clusters."""

import io

import numpy as np
import pytest

from kindred.learning.pseudo_label_types import GivenLabels
from kindred.learning.saved_clustering import SavedClustering
from kindred.runtime import arrow
from kindred.studies.label_propagation import propagation

IDS = np.array(list("abcdefgh"))
# Two clusters: a to d around a, e to h around e, each image one further away than the one before it.
CLUSTERING = SavedClustering(np.eye(2, dtype=np.float32), np.repeat([0, 1], 4), np.tile(np.arange(4.0), 2))
GIVEN = GivenLabels(rows=np.array([0, 4]), labels=np.array([1, 0]), folds=np.array([0, 1]))


def test_a_clustering_comes_back_from_its_file_and_its_centroids_from_theirs() -> None:
    back = SavedClustering.from_bytes(CLUSTERING.to_bytes())

    np.testing.assert_array_equal(back.centroids, CLUSTERING.centroids)
    np.testing.assert_array_equal(back.cluster, CLUSTERING.cluster)
    np.testing.assert_array_equal(back.distance, CLUSTERING.distance)
    with np.load(io.BytesIO(CLUSTERING.centroids_to_bytes())) as arrays:
        np.testing.assert_array_equal(arrays["centroids"], CLUSTERING.centroids)


@pytest.mark.parametrize(("percentile", "labelled"), [(100, "bcd fgh"), (50, "b f"), (0, " ")])
def test_labels_go_to_the_nearest_part_of_each_cluster_and_replace_no_given_one(percentile, labelled) -> None:
    table, _ = propagation.propagate(GIVEN, IDS, CLUSTERING, percentile, ["cat", "dog"])

    label = arrow.by_id(table)
    dogs, cats = labelled.split(" ")
    assert label == dict.fromkeys(dogs, "dog") | dict.fromkeys(cats, "cat")
    assert set(table["weight"].to_pylist()) <= {1.0}


def test_a_folds_own_labels_are_not_propagated_for_it() -> None:
    _, by_fold = propagation.propagate(GIVEN, IDS, CLUSTERING, 100, ["cat", "dog"])

    rows = by_fold.to_pylist()
    assert {(row["fold"], row["label"]) for row in rows} == {(0, "cat"), (1, "dog")}
    assert not {"a", "e"} & {row["image_id"] for row in rows}


def test_the_share_of_right_labels_counts_known_truths_only() -> None:
    table, _ = propagation.propagate(GIVEN, IDS, CLUSTERING, 100, ["cat", "dog"])

    assert propagation.figures(table, {"b": "dog", "f": "dog"}) == {"propagated": 6, "propagated_right": 0.5}
    assert propagation.figures(table, {}) == {"propagated": 6}
    assert propagation.figures(None, {}) == {}
