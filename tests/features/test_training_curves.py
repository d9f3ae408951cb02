"""Training curves in the metadata of a graph."""

import numpy as np

from extracting import noises, run
from kindred.features import onnx_graphs, training_curves
from kindred.learning import networks, onnx_model


def test_curves_are_kept_in_a_graph_which_computes_what_it_did() -> None:
    graph, images = onnx_graphs.scaled_pixels((4, 3), 1), noises(4, 3, 1, count=2)

    kept = training_curves.with_curves(graph, {"loss": [0.1, 1 / 3]})

    assert training_curves.curves_of(graph) == {}
    assert training_curves.curves_of(kept) == {"loss": [0.1, 1 / 3]}
    np.testing.assert_array_equal(run(kept, images), run(graph, images))


def test_they_are_no_part_of_the_whole_graph() -> None:
    graph = training_curves.with_curves(onnx_graphs.scaled_pixels((4, 3), 1), {"loss": [0.1]})
    network = networks.Network((networks.Layer(np.zeros((12, 2)), np.zeros(2)),))

    whole = onnx_model.whole_model(graph, network, 1)

    assert training_curves.curves_of(whole) == {"loss": [0.1]}
