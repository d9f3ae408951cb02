"""ONNX graphs that are made of nodes."""

import numpy as np

from extracting import run
from kindred.features import onnx_graphs
from pictures import noise


def test_scaled_pixels_go_from_0_to_1_row_by_row() -> None:
    batch = np.array([[[[0], [51]], [[102], [255]]]], np.uint8)

    features = run(onnx_graphs.scaled_pixels((2, 2), 1), batch)

    assert features.dtype == np.float32
    np.testing.assert_allclose(features, [[0, 0.2, 0.4, 1]])


def test_scaled_pixels_takes_any_number_of_images() -> None:
    graph = onnx_graphs.scaled_pixels((8, 6), 3)

    shapes = [run(graph, np.stack([noise()] * count)).shape for count in (1, 5)]

    assert shapes == [(1, 144), (5, 144)]
