"""What a cell's model learns from, sees, and is scored by."""

import numpy as np
import pyarrow as pa
import pytest

from kindred.learning.folds import ALL
from kindred.learning.saved_clustering import SavedClustering
from kindred.runtime.errors import InputError
from kindred.studies.label_propagation import cell_data
from kindred.studies.label_propagation.cell_grid import Cell

IDS = np.array(list("abcdefgh"))
CLASSES = ["cat", "dog"]
# Two clusters: a to d around a, e to h around e, each image one further away than the one before it.
CLUSTERING = SavedClustering(np.eye(2, dtype=np.float32), np.repeat([0, 1], 4), np.tile(np.arange(4.0), 2))
CHOSEN = pa.table({"image_id": ["a", "b", "e", "f"], "label": ["dog", "dog", "cat", "cat"]})
POINTS = np.array([[3, 4], [0, 0]], np.float32)


def test_a_cell_that_propagates_learns_from_the_clusters_too() -> None:
    plan, propagated = cell_data.make_plan(Cell("clusters", 4, percentile=100), CHOSEN, IDS, CLUSTERING, CLASSES, 2)

    assert propagated["image_id"].to_pylist() == list("cdgh")
    assert propagated["label"].to_pylist() == ["dog", "dog", "cat", "cat"]
    assert plan["given"].sum() == 4
    assert sorted(plan[(plan["fold"] == ALL) & ~plan["given"]]["image_id"]) == list("cdgh")
    assert set(plan["weight"]) == {1.0}


def test_another_cell_learns_from_its_given_labels_alone() -> None:
    plan, propagated = cell_data.make_plan(Cell("random", 4), CHOSEN, IDS, None, CLASSES, 2)

    assert propagated is None
    assert plan["image_id"].tolist() == list("abef")
    assert plan["given"].all()


def test_a_model_sees_features_or_distances_or_pixels() -> None:
    clustering = SavedClustering(np.array([[0, 0], [3, 0]], np.float32), np.zeros(2), np.zeros(2))
    shape = (1, 2, 1)

    distances = cell_data.model_inputs(Cell("distances", centroids=2), clustering, shape, 1, POINTS)

    np.testing.assert_allclose(distances, [[5, 4], [0, 3]], atol=1e-6)
    assert cell_data.model_inputs(Cell("all"), None, shape, 1, POINTS) is POINTS
    assert cell_data.model_inputs(Cell("all", network=True), None, shape, 1, POINTS).shape == (2, 1, 2, 1)


def test_distances_need_a_clustering() -> None:
    with pytest.raises(ValueError, match="cell distances-2 needs a clustering with 2 clusters"):
        cell_data.model_inputs(Cell("distances", centroids=2), None, (1, 2, 1), 1, POINTS)


def test_a_model_is_scored_on_the_images_whose_label_is_known() -> None:
    rows = cell_data.labelled_rows(np.array(["x", "y", "z"]), {"x": "cat", "z": "dog"})
    scores = cell_data.scores(np.array([[1.0, 0.0], [0.6, 0.4]]), ["cat", "dog"], CLASSES)

    assert rows.tolist() == [0, 2]
    assert scores["accuracy"] == 0.5
    assert scores["images"] == 2


def test_without_a_known_label_nothing_can_be_scored() -> None:
    with pytest.raises(InputError, match="no test image has a known label"):
        cell_data.labelled_rows(np.array(["x"]), {})
