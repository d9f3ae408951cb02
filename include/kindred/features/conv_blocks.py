"""Blocks of a 3 x 3 convolution and ReLU, of which the first ones halve the map by its maxima: in Keras, where they are
trained, and as nodes of an ONNX graph.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from onnx import NodeProto, helper

POOL = {"kernel_shape": [2, 2], "strides": [2, 2], "auto_pad": "SAME_UPPER"}  # as Keras's padding "same"

Step = tuple[str, list[str], str, dict[str, Any]]  # a node of a graph: its operator, inputs, output, settings
Constants = dict[str, np.ndarray | np.generic]  # tensors by name


class Convolution(NamedTuple):
    """A block's convolution."""

    kernel: np.ndarray  # float32 [3, 3, inputs, outputs]
    bias: np.ndarray  # float32 [outputs]


def keras_blocks(keras: Any, channels: int, widths: Sequence[int], pooled: int) -> tuple[Any, list[Any]]:
    """Blocks of so many output channels each as a model of levels [n, h, w, channels] of any size, and the layers of
    their convolutions. The first `pooled` halve the map.
    """
    layers = keras.layers
    start = {"kernel_initializer": "he_normal"}  # keeps the scale from block to block
    convolutions = [layers.Conv2D(n, 3, padding="same", activation="relu", **start) for n in widths]
    stack = [keras.Input((None, None, channels))]
    for i, convolution in enumerate(convolutions):
        stack.append(convolution)
        if i < pooled:
            stack.append(layers.MaxPooling2D(padding="same"))
    return keras.Sequential(stack), convolutions


def of_layers(layers: Sequence[Any]) -> list[Convolution]:
    """What Keras's layers have learned."""
    return [Convolution(*layer.get_weights()) for layer in layers]


def onnx_blocks(convolutions: Sequence[Convolution], pooled: int) -> tuple[list[Step], Constants, str]:
    """The same blocks as steps from the planes "map0" [n, channels, h, w], their constants, and the last map's name."""
    steps: list[Step] = []
    constants: Constants = {}
    for i, (kernel, bias) in enumerate(convolutions):
        constants |= {f"kernel{i}": kernel.transpose(3, 2, 0, 1), f"bias{i}": bias}
        steps.append(("Conv", [f"map{i}", f"kernel{i}", f"bias{i}"], f"sums{i}", {"pads": [1, 1, 1, 1]}))
        last = f"map{i + 1}"
        steps.append(("Relu", [f"sums{i}"], f"rectified{i}" if i < pooled else last, {}))
        if i < pooled:
            steps.append(("MaxPool", [f"rectified{i}"], last, POOL))
    return steps, constants, f"map{len(convolutions)}"


def nodes(steps: Sequence[Step]) -> list[NodeProto]:
    """The nodes of a graph."""
    return [helper.make_node(kind, inputs, [output], **settings) for kind, inputs, output, settings in steps]


def halved(side: int, times: int) -> int:
    """The side of a map that was halved so many times.

    >>> halved(13, 2)
    4
    """
    return -(-side // 2**times)
