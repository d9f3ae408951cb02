"""A network that makes vectors of pixels: blocks of convolutions, and one dense layer, as an ONNX graph."""

import functools
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from kindred.features import conv_blocks, onnx_graphs
from kindred.features.conv_blocks import Constants, Convolution, Step

WIDTHS = (16, 32, 64)  # channels of the blocks, each of which halves the map
MIDDLE = 0.5  # of pixels from 0 to 1: what the network sees is about 0
BATCH_PIXELS = 200_000  # that are computed at once: a bound on memory
KEY = "graph"  # in the file


@dataclass(frozen=True)
class PixelEncoder:
    """The graph: pixels from 0 to 1, row by row, float32 [n, h * w * c] -> vectors float32 [n, k]. `losses` are those
    of its training by epoch, by name.
    """

    graph: bytes
    losses: dict[str, list[float]] = field(default_factory=dict, compare=False)

    def outputs(self, features: np.ndarray) -> np.ndarray:
        """Vectors [n, k], float64, of pixels [n, d] from 0 to 1."""
        size = max(1, BATCH_PIXELS // features.shape[1])
        blocks = [features[i : i + size] for i in range(0, max(1, len(features)), size)]
        vectors = [self._session.run(None, {"pixels": np.asarray(block, np.float32)})[0] for block in blocks]
        return np.concatenate(vectors).astype(np.float64)

    def to_bytes(self) -> bytes:
        """As an `.npz` file, as a `networks.Network` is stored."""
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **{KEY: np.frombuffer(self.graph, np.uint8)})
        return buffer.getvalue()

    @functools.cached_property
    def _session(self) -> Any:
        return onnx_graphs.session(self.graph)


def graph(shape: tuple[int, ...], convolutions: Sequence[Convolution], weights: np.ndarray, bias: np.ndarray) -> bytes:
    """The ONNX graph for images of a shape (h, w, c). The dense layer's weights are [h' * w' * c', k], of the last
    map's values row by row.
    """
    blocks, constants, last = conv_blocks.onnx_blocks(convolutions, len(convolutions))
    steps: list[Step] = [
        ("Reshape", ["pixels", "shape"], "images", {}),
        ("Sub", ["images", "middle"], "levels", {}),
        ("Transpose", ["levels"], "map0", {"perm": [0, 3, 1, 2]}),
        *blocks,
        ("Transpose", [last], "places", {"perm": [0, 2, 3, 1]}),
        ("Flatten", ["places"], "flat", {"axis": 1}),
        ("Gemm", ["flat", "weights", "bias"], "vectors", {}),
    ]
    own: Constants = {"shape": np.array([-1, *shape]), "middle": np.float32(MIDDLE), "weights": weights, "bias": bias}
    values = [numpy_helper.from_array(np.asarray(value), name) for name, value in (constants | own).items()]
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", int(np.prod(shape))])
    vectors = helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["n", len(bias)])
    nodes = conv_blocks.nodes(steps)
    return onnx_graphs.versioned_model(
        helper.make_graph(nodes, "encoder", [pixels], [vectors], values)
    ).SerializeToString()


def is_encoder(content: bytes) -> bool:
    """Whether a file is what `to_bytes` wrote, and not that of a `networks.Network`."""
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return KEY in arrays


def from_bytes(content: bytes) -> PixelEncoder:
    """The encoder that `to_bytes` wrote."""
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return PixelEncoder(arrays[KEY].tobytes())
