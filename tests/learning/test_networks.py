"""Fitted classifiers as data."""

import io

import numpy as np
import pytest

from kindred.learning import networks
from kindred.learning.networks import Layer, Network


def random_network(*sizes: int, activation: str = "relu") -> Network:
    """A network of these sizes with random weights."""
    rng = np.random.default_rng(0)
    names = [activation] * (len(sizes) - 2) + ["linear"]
    shapes = zip(sizes[:-1], sizes[1:], names, strict=True)
    return Network(tuple(Layer(rng.normal(size=(i, o)), rng.normal(size=o), name) for i, o, name in shapes))


def test_one_layer_is_a_softmax_of_its_outputs() -> None:
    network = Network((Layer(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([0.0, np.log(3)])),))

    probabilities = network.probabilities(np.array([[0.0, 0.0], [np.log(3), 0.0]], np.float32))

    np.testing.assert_allclose(probabilities, [[0.25, 0.75], [0.5, 0.5]], atol=1e-7)


@pytest.mark.parametrize(
    ("activation", "odds"), [("linear", np.exp(-2)), ("relu", 1), ("sigmoid", np.exp(1 / (1 + np.exp(2))))]
)
def test_an_activation_stands_between_the_layers(activation: str, odds: float) -> None:
    hidden = Layer(np.array([[1.0]]), np.array([0.0]), activation)
    network = Network((hidden, Layer(np.array([[1.0, 0.0]]), np.zeros(2))))

    probabilities = network.probabilities(np.array([[-2.0]]))

    np.testing.assert_allclose(probabilities[0, 0] / probabilities[0, 1], odds)


def test_probabilities_stay_finite_for_huge_features() -> None:
    for activation in networks.ACTIVATIONS:
        probabilities = random_network(3, 4, 2, activation=activation).probabilities(np.full((1, 3), 1e6))

        np.testing.assert_allclose(probabilities.sum(axis=1), 1)


def test_no_row_gives_no_row() -> None:
    assert random_network(3, 4, 2).probabilities(np.zeros((0, 3))).shape == (0, 2)


def test_centring_and_scaling_move_into_the_first_layer() -> None:
    network, features = random_network(3, 4, 2), np.random.default_rng(1).normal(5, 2, (6, 3))
    mean, scale = features.mean(axis=0), features.std(axis=0)

    moved = network.on_unscaled(mean, scale).probabilities(features)

    np.testing.assert_allclose(moved, network.probabilities((features - mean) / scale), atol=1e-12)


def test_a_network_comes_back_from_its_file() -> None:
    network = random_network(3, 4, 2, activation="sigmoid")

    again = networks.from_bytes(network.to_bytes())

    assert [layer.activation for layer in again.layers] == ["sigmoid", "linear"]
    for one, other in zip(again.layers, network.layers, strict=True):
        np.testing.assert_array_equal(one.weights, other.weights)
        np.testing.assert_array_equal(one.bias, other.bias)


def test_a_file_that_holds_objects_is_not_unpickled() -> None:
    buffer = io.BytesIO()
    np.savez(buffer, activations=np.array([{"a": 1}], dtype=object))

    with pytest.raises(ValueError, match="allow_pickle=False"):
        networks.from_bytes(buffer.getvalue())


def test_with_thresholds_each_class_has_a_probability_of_its_own() -> None:
    network = Network((Layer(np.eye(2), np.zeros(2)),), thresholds=(0.5, 0.25))

    read = networks.from_bytes(network.to_bytes())

    assert read.thresholds == (0.5, 0.25)
    assert read.probabilities(np.array([[np.log(3), np.log(3)]])).round(6).tolist() == [[0.75, 0.75]]
