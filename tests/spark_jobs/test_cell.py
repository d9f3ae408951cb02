"""Cells of the study of label propagation, for real."""

from dataclasses import asdict

import numpy as np
import pytest
from bench import run_stage

from kindred.runtime import file_names, runs, storage
from kindred.runtime.errors import InputError
from kindred.studies.label_propagation.cell_grid import Cell


def do_cell(run: str, cell: Cell) -> dict:
    return run_stage(f"cell/{cell.name}", run, **asdict(cell), folds=2, seed=0)


def prepare(run: str) -> None:
    run_stage("ingest", run, dataset="digits", path=None, limit=400, leaks="drop")
    run_stage("featurize", run, extractor="pixels", image_size=None, weights="imagenet", preprocessing="", output="")
    run_stage("cluster/60", run, clusterer="kmeans", k=60, seed=0, carry_over=False)


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
        run_stage("cluster/9999", run, clusterer="kmeans", k=9999, seed=0, carry_over=False)
