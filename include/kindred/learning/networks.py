"""Fitted classifiers as data: a stack of dense layers over features. Every classifier ends as one, so prediction,
storage and the ONNX export are written once.
"""

import io
from dataclasses import dataclass, field, replace

import numpy as np

ACTIVATIONS = ("linear", "relu", "sigmoid")


@dataclass(frozen=True)
class Layer:
    """activation(x @ weights + bias), with weights [inputs, outputs] and bias [outputs], both float64."""

    weights: np.ndarray
    bias: np.ndarray
    activation: str = "linear"


@dataclass(frozen=True)
class Network:
    """Dense layers; a softmax over the last one's outputs gives the class probabilities. With several labels an image
    it is a sigmoid of each output, and there are `thresholds`, from which on a class counts as present. `losses`, of
    one that has just been trained in steps, are those after each step, by name.

    >>> network = Network((Layer(weights=np.array([[0.0, np.log(3)]]), bias=np.zeros(2)),))
    >>> network.probabilities(np.array([[1.0], [0.0]])).round(6).tolist()
    [[0.25, 0.75], [0.5, 0.5]]
    """

    layers: tuple[Layer, ...]
    losses: dict[str, list[float]] = field(default_factory=dict, compare=False)
    thresholds: tuple[float, ...] | None = None

    def outputs(self, features: np.ndarray) -> np.ndarray:
        """What the last layer gives [n, k], float64, of features [n, d]; without a layer the features themselves."""
        values = np.asarray(features, np.float64)
        for layer in self.layers:
            values = values @ layer.weights + layer.bias
            if layer.activation == "relu":
                values = np.maximum(values, 0)
            elif layer.activation == "sigmoid":
                values = sigmoid(values)
        return values

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Class probabilities [n, classes], float64, of features [n, d]."""
        values = self.outputs(features)
        if self.thresholds is not None:
            return sigmoid(values)
        values = np.exp(values - values.max(axis=1, keepdims=True))
        return values / values.sum(axis=1, keepdims=True)

    def on_unscaled(self, mean: np.ndarray, scale: float | np.ndarray) -> "Network":
        """The same network for features that are not yet centred and scaled: (x - mean) / scale moves into
        layer one.
        """
        first = self.layers[0]
        weights = first.weights / np.broadcast_to(scale, mean.shape)[:, None]
        unscaled = Layer(weights, first.bias - mean @ weights, first.activation)
        return replace(self, layers=(unscaled, *self.layers[1:]))

    def to_bytes(self) -> bytes:
        """As an `.npz` file, which holds numbers only (no pickle)."""
        buffer = io.BytesIO()
        arrays = {"activations": np.array([ACTIVATIONS.index(layer.activation) for layer in self.layers])}
        for i, layer in enumerate(self.layers):
            arrays |= {f"weights{i}": layer.weights, f"bias{i}": layer.bias}
        if self.thresholds is not None:
            arrays["thresholds"] = np.array(self.thresholds)
        np.savez(buffer, allow_pickle=False, **arrays)
        return buffer.getvalue()


def from_bytes(content: bytes) -> Network:
    """The network that `to_bytes` wrote."""
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        names = [ACTIVATIONS[i] for i in arrays["activations"]]
        layers = tuple(Layer(arrays[f"weights{i}"], arrays[f"bias{i}"], name) for i, name in enumerate(names))
        thresholds = tuple(arrays["thresholds"].tolist()) if "thresholds" in arrays else None
    return Network(layers, thresholds=thresholds)


def sigmoid(values: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), without overflow.

    >>> sigmoid(np.array([0.0, -1000.0])).tolist()
    [0.5, 0.0]
    """
    return np.asarray(0.5 * (1 + np.tanh(values / 2)))
