"""How a network's training went, in the metadata of its ONNX graph: it is wherever the graph is."""

import json

import onnx
from onnx import helper

KEY = "training_curves"


def with_curves(graph: bytes, curves: dict[str, list[float]]) -> bytes:
    """The graph with curves, a value for each epoch, by name."""
    model = onnx.load_from_string(graph)
    helper.set_model_props(model, {KEY: json.dumps(curves)})
    return model.SerializeToString()


def curves_of(graph: bytes) -> dict[str, list[float]]:
    """The curves of a graph; none where it has learned nothing by epochs."""
    properties = {entry.key: entry.value for entry in onnx.load_from_string(graph).metadata_props}
    curves: dict[str, list[float]] = json.loads(properties.get(KEY, "{}"))
    return curves
