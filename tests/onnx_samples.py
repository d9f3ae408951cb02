"""Small networks in ONNX files, as people export them: what tests make of them can be computed in one's head."""

from pathlib import Path

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

SIDE = 4  # px

Dimensions = list[int | str]


def channel_means(
    layout: str = "NCHW",
    kind: int = TensorProto.FLOAT,
    shape: Dimensions | None = None,
    opset: int = 17,
    metadata: dict[str, str] | None = None,
    image: str = "pixel_values",
) -> ModelProto:
    """The mean of each channel, "embedding" [n, 3], of images SIDE px wide, unless `shape` says otherwise."""
    default: Dimensions = ["batch", 3, SIDE, SIDE] if layout == "NCHW" else ["batch", SIDE, SIDE, 3]
    axes = [2, 3] if layout == "NCHW" else [1, 2]
    return model(
        [
            helper.make_node("Cast", [image], ["as_floats"], to=TensorProto.FLOAT),
            *reduced("as_floats", "embedding", axes, opset),
        ],
        inputs=[(image, kind, shape or default)],
        outputs=[("embedding", TensorProto.FLOAT, ["batch", 3])],
        constants={"axes": np.array(axes)},
        opset=opset,
        metadata=metadata,
    )


def tokens(extra: bool = False) -> ModelProto:
    """Each place's channels, "last_hidden_state" [n, SIDE * SIDE, 3]; with `extra` also "pooled" [n, 3] and "text"
    [n, 2], which needs another input.
    """
    nodes = [
        helper.make_node("Reshape", ["pixel_values", "places"], ["flat"]),
        helper.make_node("Transpose", ["flat"], ["last_hidden_state"], perm=[0, 2, 1]),
    ]
    inputs = [("pixel_values", TensorProto.FLOAT, ["batch", 3, SIDE, SIDE])]
    outputs = [("last_hidden_state", TensorProto.FLOAT, ["batch", SIDE * SIDE, 3])]
    if extra:
        nodes += reduced("last_hidden_state", "pooled", [1], 17)
        nodes.append(helper.make_node("Cast", ["input_ids"], ["text"], to=TensorProto.FLOAT))
        inputs.append(("input_ids", TensorProto.INT64, ["batch", 2]))
        outputs += [("pooled", TensorProto.FLOAT, ["batch", 3]), ("text", TensorProto.FLOAT, ["batch", 2])]
    return model(nodes, inputs, outputs, {"places": np.array([0, 3, -1])})


def reduced(source: str, target: str, axes: list[int], opset: int) -> list[NodeProto]:
    """The mean over axes, which are an attribute up to opset 17 and the constant "axes" later."""
    if opset < 18:
        return [helper.make_node("ReduceMean", [source], [target], axes=axes, keepdims=0)]
    return [helper.make_node("ReduceMean", [source, "axes"], [target], keepdims=0)]


def model(
    nodes: list[NodeProto],
    inputs: list[tuple[str, int, Dimensions]],
    outputs: list[tuple[str, int, Dimensions]],
    constants: dict[str, np.ndarray] | None = None,
    opset: int = 17,
    metadata: dict[str, str] | None = None,
) -> ModelProto:
    infos = [[helper.make_tensor_value_info(*value) for value in values] for values in (inputs, outputs)]
    tensors = [numpy_helper.from_array(value, name) for name, value in (constants or {}).items()]
    graph = helper.make_graph(nodes, "network", *infos, tensors)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    helper.set_model_props(made, metadata or {})
    return made


def saved(made: ModelProto, folder: Path, name: str = "network.onnx") -> str:
    (folder / name).write_bytes(made.SerializeToString())
    return str(folder / name)
