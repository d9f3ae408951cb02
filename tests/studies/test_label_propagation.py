"""The study of label propagation: its grid, what a cell learns from, its table; and one cell for real."""

import io
import math
from dataclasses import asdict

import numpy as np
import pytest
from bench import run_stage

from kindred.features import kmeans
from kindred.learning import given_labels
from kindred.learning.pseudo_label_types import GivenLabels
from kindred.runtime import arrow, file_names, runs, storage
from kindred.runtime.errors import InputError
from kindred.studies.label_propagation import accuracy_table, cell_grid
from kindred.studies.label_propagation.cell_grid import Cell, Clustering

IDS = np.array(list("abcdefgh"))
# Two clusters: a to d around a, e to h around e, each image one further away than the one before it.
FOUND = Clustering(np.eye(2, dtype=np.float32), np.repeat([0, 1], 4), np.tile(np.arange(4.0), 2))
GIVEN = GivenLabels(rows=np.array([0, 4]), labels=np.array([1, 0]), folds=np.array([0, 1]))


def test_the_grid_has_each_cell_once_and_whole_clusters_among_the_percentiles() -> None:
    names = [cell.name for cell in cell_grid.grid([20, 10, 10], [5], [50, 12.5, 100])]

    assert names == [
        *("all", "distances-5", "random-10", "random-20", "representatives-10", "representatives-20"),
        *("clusters-10-100", "clusters-20-100", "clusters-10-50", "clusters-20-50"),
        *("clusters-10-12.5", "clusters-20-12.5"),
    ]


def test_the_default_grid_holds_every_published_cell() -> None:
    asked = [500, 1000, 2000], [100, 200, 300], [20, 25, 30, 50, 75]
    cells, both = cell_grid.grid(*asked), cell_grid.grid(*asked, network=True)

    assert len(cells) == 28
    assert {name for name in accuracy_table.STUDY if not name.startswith("network")} <= {cell.name for cell in cells}
    assert both[:28] == cells
    assert len(both) == 28 + 25
    assert set(accuracy_table.STUDY) <= {cell.name for cell in both}


def test_one_clustering_serves_every_cell_that_wants_as_many_clusters() -> None:
    assert cell_grid.clusterings(cell_grid.grid([20, 10], [20, 5], [50])) == [5, 10, 20]


@pytest.mark.parametrize(
    ("budgets", "centroids", "percentiles", "line"),
    [
        ([1], [], [], "labels is 1; it must be 2 or more"),
        ([], [0], [], "centroids is 0; it must be 2 or more"),
        ([10], [], [101], "percentile is 101; it must be from 0 to 100"),
        ([10], [], [-1], "percentile is -1; it must be from 0 to 100"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(budgets, centroids, percentiles, line) -> None:
    with pytest.raises(InputError, match=line):
        cell_grid.grid(budgets, centroids, percentiles)


def test_more_labels_than_are_known_are_an_error() -> None:
    with pytest.raises(InputError, match="labels is 1,001; only 1,000 images have a known label to give"):
        given_labels.check_budget(1001, 1000)


def test_a_clustering_comes_back_from_its_file_and_its_centroids_from_theirs() -> None:
    back = cell_grid.clustering_from_bytes(FOUND.to_bytes())

    np.testing.assert_array_equal(back.centroids, FOUND.centroids)
    np.testing.assert_array_equal(back.cluster, FOUND.cluster)
    np.testing.assert_array_equal(back.distance, FOUND.distance)
    with np.load(io.BytesIO(FOUND.centroids_to_bytes())) as arrays:
        np.testing.assert_array_equal(arrays["centroids"], FOUND.centroids)


def test_distances_are_to_each_centroid() -> None:
    points = np.array([[3, 4], [0, 0]], np.float32)

    np.testing.assert_allclose(kmeans.distances(points, np.array([[0, 0], [3, 0]]), 1), [[5, 4], [0, 3]], atol=1e-6)
    assert cell_grid.inputs(Cell("distances", centroids=2), points, FOUND, 1).shape == (2, 2)
    assert cell_grid.inputs(Cell("all"), points, None, 1) is points


@pytest.mark.parametrize(("percentile", "labelled"), [(100, "bcd fgh"), (50, "b f"), (0, " ")])
def test_labels_go_to_the_nearest_part_of_each_cluster_and_replace_no_given_one(percentile, labelled) -> None:
    table, _ = cell_grid.propagate(GIVEN, IDS, FOUND, percentile, ["cat", "dog"])

    label = arrow.by_id(table)
    dogs, cats = labelled.split(" ")
    assert label == dict.fromkeys(dogs, "dog") | dict.fromkeys(cats, "cat")
    assert set(table["weight"].to_pylist()) <= {1.0}


def test_a_folds_own_labels_are_not_propagated_for_it() -> None:
    _, by_fold = cell_grid.propagate(GIVEN, IDS, FOUND, 100, ["cat", "dog"])

    rows = by_fold.to_pylist()
    assert {(row["fold"], row["label"]) for row in rows} == {(0, "cat"), (1, "dog")}
    assert not {"a", "e"} & {row["image_id"] for row in rows}


def test_the_share_of_right_labels_counts_known_truths_only() -> None:
    table, _ = cell_grid.propagate(GIVEN, IDS, FOUND, 100, ["cat", "dog"])

    assert cell_grid.share_right(table, {"b": "dog", "f": "dog"}) == 0.5
    assert cell_grid.share_right(table, {}) is None


def test_the_table_and_the_plot_show_published_reproduced_and_ours() -> None:
    cells = cell_grid.grid([10, 20], [5], [25])
    figures = {f"cell/{cell.name}/accuracy": 0.5 for cell in cells}

    table = accuracy_table.compare(cells, figures, {10: 0.75, 20: 0.875}, {"random-10": 0.625})
    text = accuracy_table.text(cells, table)
    rows = table.set_index("cell")

    assert rows.loc["random-10", ["published", "reproduced", "ours"]].to_list() == [0.625, 0.5, 0.75]
    assert math.isnan(rows.loc["representatives-10", "ours"])
    assert len(text.splitlines()) == 1 + len(cells)
    assert "0.6250     0.5000   0.7500" in text
    assert accuracy_table.plot(cells, table).startswith(b"\x89PNG")


def test_the_networks_cells_have_rows_and_a_panel_of_their_own() -> None:
    cells = cell_grid.grid([10, 20], [5], [25], network=True)
    figures = {f"cell/{cell.name}/accuracy": 0.5 for cell in cells}

    table = accuracy_table.compare(cells, figures, {10: 0.75}, {"network-random-10": 0.625})

    assert table.set_index("cell").loc["network-random-10", "published"] == 0.625
    assert table["ours"].notna().sum() == 1
    assert "network, labels on representatives" in accuracy_table.text(cells, table)
    assert accuracy_table.plot(cells, table).startswith(b"\x89PNG")


def do_cell(run: str, cell: Cell) -> dict:
    return run_stage(f"cell/{cell.name}", run, **asdict(cell), folds=2, seed=0)


def prepare(run: str) -> None:
    run_stage("ingest", run, dataset="digits", path=None, limit=400, leaks="drop")
    run_stage("featurize", run, extractor="pixels", image_size=None, weights="imagenet")
    run_stage("cluster/60", run, k=60, seed=0)


@pytest.mark.spark
@pytest.mark.tensorflow
def test_cells_on_digits_keep_their_models_and_are_done_once(data, spark, monkeypatch) -> None:
    from kindred.learning import networks
    from kindred.runtime import results
    from kindred.studies.label_propagation import convnet

    monkeypatch.setattr(convnet, "EPOCHS", 60)
    run, second = (runs.run_folder("tests", name) for name in ("cells", "cells-again"))
    prepare(run)
    prepare(second)
    network = Cell("representatives", 60, network=True)
    cells = [Cell("clusters", 60, percentile=50), Cell("random", 60), Cell("distances", centroids=60), network]
    marks = {cell.name: do_cell(run, cell) for cell in cells}
    again = do_cell(second, cells[0])

    first = marks["clusters-60-50"]
    figures = results.merge(run)
    assert all(figures[f"cell/{name}/accuracy"] > 0.6 for name in marks)
    assert figures["cell/clusters-60-50/propagated"] > 60
    assert figures["cell/clusters-60-50/propagated_right"] > 0.7
    assert figures["cell/random-60/labels"] == 60
    assert again["attempt"] == first["attempt"]
    assert again["figures"]["cell/clusters-60-50/reused"] == 1
    assert first["reports"] == [file_names.CENTROIDS, file_names.NETWORK]
    assert figures["cell/network-representatives-60/epoch_seconds"] > 0
    steps = [step for step, _ in marks["network-representatives-60"]["steps"]["val_loss"]]
    assert steps == list(range(1, int(figures["cell/network-representatives-60/epochs"]) + 1))
    assert marks["network-representatives-60"]["reports"] == [file_names.CENTROIDS, file_names.CONVNET]
    network = networks.from_bytes(storage.find_bytes(storage.join(first["folder"], file_names.NETWORK)))
    assert network.probabilities(np.zeros((1, 64))).shape == (1, 10)
    with pytest.raises(InputError, match="labels is 9,999; only .* images have a known label"):
        do_cell(run, Cell("random", 9999))
    with pytest.raises(InputError, match="9,999 clusters of .* images; there must be at least as many"):
        run_stage("cluster/9999", run, k=9999, seed=0)
