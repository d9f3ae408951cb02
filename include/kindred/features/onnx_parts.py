"""What the graphs of ONNX files of another's making consist of: inputs, outputs, and the part that an output needs."""

from __future__ import annotations

from collections.abc import Iterator

import onnx
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, inliner

from kindred.runtime.errors import InputError

FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16)

Dimensions = list[int | str]  # a text: any


def loaded(content: bytes, path: str) -> onnx.ModelProto:
    """The model in a file's content, without functions of its own. Raises InputError, which names the path."""
    try:
        model = onnx.load_from_string(content)
    except Exception as error:  # protobuf's own errors, which have no common type
        raise InputError(f"{path} is no ONNX file: {line(error)}") from None
    if not model.graph.node or not model.opset_import:
        raise InputError(f"{path} is no ONNX file: it holds no graph")
    if any(onnx.external_data_helper.uses_external_data(tensor) for tensor in model.graph.initializer):
        raise InputError(
            f"{path} keeps its weights in a second file; save both as one: "
            "onnx.save_model(onnx.load(path), new, save_as_external_data=False)"
        )
    if model.functions:
        model = inliner.inline_local_functions(model)
    return model


def is_vector(value: ValueInfoProto) -> bool:
    """Whether it is [n, d], or the same with sides of 1 behind it."""
    sides = dimensions(value)
    return len(sides) >= 2 and all(side == 1 for side in sides[2:])


def is_float(value: ValueInfoProto) -> bool:
    """Whether it holds floating point numbers."""
    return value.type.tensor_type.elem_type in FLOATS


def inputs(model: onnx.ModelProto) -> dict[str, ValueInfoProto]:
    """The inputs; old files list their weights among these."""
    weights = {tensor.name for tensor in model.graph.initializer}
    return {value.name: value for value in model.graph.input if value.name not in weights}


def dimensions(value: ValueInfoProto) -> Dimensions:
    """The sides of a tensor."""
    return [
        dimension.dim_value
        if dimension.HasField("dim_value") and dimension.dim_value >= 0
        else dimension.dim_param or "?"
        for dimension in value.type.tensor_type.shape.dim
    ]


def shown(value: ValueInfoProto) -> str:
    """Name, type and shape, for people."""
    kind = TensorProto.DataType.Name(value.type.tensor_type.elem_type).lower()
    return f"{value.name} {kind} [{', '.join(map(str, dimensions(value)))}]"


def _names_taken(node: NodeProto) -> Iterator[str]:
    """What a node reads, those in its branches too."""
    yield from node.input
    for attribute in node.attribute:
        for inner in [attribute.g, *attribute.graphs]:
            for part in inner.node:
                yield from _names_taken(part)


def _needed(graph: onnx.GraphProto, output: str) -> tuple[list[NodeProto], set[str]]:
    """The nodes that an output needs, in their order, and all names that they read."""
    names, nodes = {output}, []
    for node in reversed(graph.node):  # a graph's nodes are sorted
        if names.intersection(node.output):
            nodes.append(node)
            names.update(_names_taken(node))
    return nodes[::-1], names


def needed_inputs(graph: onnx.GraphProto, output: str) -> set[str]:
    """The names of the inputs that an output depends on."""
    return {value.name for value in graph.input} & _needed(graph, output)[1]


def part(graph: onnx.GraphProto, inputs: list[ValueInfoProto], output: str) -> onnx.GraphProto:
    """The part of a graph that an output needs, with these inputs."""
    nodes, names = _needed(graph, output)
    weights = [tensor for tensor in graph.initializer if tensor.name in names]
    sparse = [tensor for tensor in graph.sparse_initializer if tensor.values.name in names]
    outputs = [value for value in graph.output if value.name == output]
    return helper.make_graph(nodes, "network", inputs, outputs, weights, sparse_initializer=sparse)


def line(error: Exception) -> str:
    """The first line of what a library says."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
