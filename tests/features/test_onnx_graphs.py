"""ONNX graphs, and the whole way from decoded pixels to probabilities in one."""

import numpy as np
import pytest

from kindred.data import images
from kindred.features import onnx_graphs
from kindred.learning import onnx_model
from kindred.learning.networks import Layer, Network
from pictures import noise, smooth


def run(graph: bytes, batch: np.ndarray) -> np.ndarray:
    session = onnx_graphs.session(graph)
    return session.run(None, {session.get_inputs()[0].name: batch})[0]


def network(inputs: int, *hidden: int, activation: str = "relu") -> Network:
    """A network over that many features whose probabilities are neither all alike nor all 0 or 1."""
    random, layers = np.random.default_rng(0), []
    for outputs in (*hidden, 3):
        scale = 2 / np.sqrt(inputs)
        layers.append(Layer(random.normal(0, scale, (inputs, outputs)), random.normal(size=outputs), activation))
        inputs = outputs
    return Network((*layers[:-1], Layer(layers[-1].weights, layers[-1].bias)))


def test_scaled_pixels_go_from_0_to_1_row_by_row() -> None:
    batch = np.array([[[[0], [51]], [[102], [255]]]], np.uint8)

    features = run(onnx_graphs.scaled_pixels((2, 2), 1), batch)

    assert features.dtype == np.float32
    np.testing.assert_allclose(features, [[0, 0.2, 0.4, 1]])


def test_scaled_pixels_takes_any_number_of_images() -> None:
    graph = onnx_graphs.scaled_pixels((8, 6), 3)

    shapes = [run(graph, np.stack([noise()] * count)).shape for count in (1, 5)]

    assert shapes == [(1, 144), (5, 144)]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_the_whole_graph_is_the_extractor_and_the_network(channels: int, activation: str) -> None:
    extractor, head = onnx_graphs.scaled_pixels((8, 6), channels), network(48 * channels, 5, activation=activation)
    batch = np.stack([noise(channels=channels, seed=seed) for seed in range(4)])

    found = run(onnx_model.whole_model(extractor, head, channels), batch)

    np.testing.assert_allclose(found, head.probabilities(run(extractor, batch)), atol=1e-5)


@pytest.mark.parametrize("size", [(32, 24), (17, 40), (5, 4)], ids=["shrink", "shrink and stretch", "grow"])
def test_the_whole_graph_resizes_as_the_extractor_does(size: tuple[int, int]) -> None:
    extractor, head = onnx_graphs.scaled_pixels((8, 6), 3), network(144, 5)
    pixels = smooth(*size, 3)

    found = run(onnx_model.whole_model(extractor, head, 3), pixels[None])

    fitted = images.fit(pixels, (8, 6), 3)[None]
    np.testing.assert_allclose(found, head.probabilities(run(extractor, fitted)), atol=5e-3)


def test_the_whole_graph_averages_what_it_shrinks() -> None:
    stripes = np.zeros((64, 64, 1), np.uint8)
    stripes[:, ::8] = 200  # one column in eight
    extractor, head = onnx_graphs.scaled_pixels((8, 8), 1), network(64)

    found = run(onnx_model.whole_model(extractor, head, 1), stripes[None])

    fitted = images.fit(stripes, (8, 8), 1)[None]
    assert fitted.mean() == pytest.approx(200 / 8, abs=2)
    np.testing.assert_allclose(found, head.probabilities(run(extractor, fitted)), atol=1e-5)


def test_the_whole_graph_takes_grey_images_where_the_extractor_wants_three_channels() -> None:
    extractor, head = onnx_graphs.scaled_pixels((8, 6), 3), network(144)
    grey = noise(channels=1)

    found = run(onnx_model.whole_model(extractor, head, 1), grey[None])

    np.testing.assert_allclose(found, head.probabilities(run(extractor, np.repeat(grey, 3, axis=2)[None])), atol=1e-5)
