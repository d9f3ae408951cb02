"""The ONNX graph of a whole model: from decoded pixels to class probabilities."""

import json

import numpy as np
import onnx
from onnx import TensorProto, compose, helper, numpy_helper

import kindred
from kindred.features import onnx_graphs
from kindred.features.featurize import Extractor
from kindred.learning.networks import Network


def whole_model(extractor: bytes, network: Network, channels: int) -> bytes:
    """decoded pixels, uint8 [n, height, width, c] of any size -> "probabilities", float32 [n, classes].

    Inside: resize (bilinear, as Pillow's) to the extractor's size, extractor, classifier, softmax. `extractor`: its
    graph, uint8 [n, h, w, c] -> float32 [n, d]; `channels`: of the images.

    >>> from kindred.learning.networks import Layer
    >>> extractor = onnx_graphs.scaled_pixels((2, 2), 1)
    >>> network = Network((Layer(weights=np.array([[1.0, -1.0]] * 4), bias=np.zeros(2)),))
    >>> session = onnx_graphs.session(whole_model(extractor, network, channels=1))
    >>> black = np.zeros((1, 6, 8, 1), np.uint8)
    >>> session.run(["probabilities"], {"pixels": black})[0].tolist()
    [[0.5, 0.5]]
    """
    core = onnx.load_from_string(extractor)
    shape = [d.dim_value for d in core.graph.input[0].type.tensor_type.shape.dim]
    model = compose.merge_models(
        compose.merge_models(_resize(shape[1:3], channels, shape[3]), core, [("resized", core.graph.input[0].name)]),
        _head(network),
        [(core.graph.output[0].name, "head_features")],
    )
    onnx.checker.check_model(model)
    return model.SerializeToString()


def described(model: bytes, classes: list[str], extractor: Extractor, channels: int, run: str) -> bytes:
    """The graph of a whole model with what its user has to know in its metadata: ONNX Runtime gives it as
    `session.get_modelmeta().custom_metadata_map`. All values are texts; classes and sizes are JSON.
    """
    proto = onnx.load_from_string(model)
    about = {
        "classes": json.dumps(classes, ensure_ascii=False),  # in the order of the probabilities
        "input": f"uint8 [n, height, width, {channels}], values 0 to 255, {'RGB' if channels == 3 else 'grey'}",
        "preprocessing": "none: the model resizes (bilinear, antialiased, to image_size) and scales the values itself",
        "image_size": json.dumps([extractor.height, extractor.width]),  # px, inside the model
        "channels": str(channels),
        "output": "probabilities, float32 [n, classes]",
        "extractor": extractor.name,
        "run": run,
        "kindred_version": kindred.__version__,
    }
    helper.set_model_props(proto, about)
    proto.doc_string = f"Kindred: decoded pixels to the probabilities of {len(classes)} classes"
    return proto.SerializeToString()


def _resize(size: list[int], channels: int, target_channels: int) -> onnx.ModelProto:
    """uint8 [n, any, any, channels] -> uint8 [n, h, w, target_channels]."""
    nodes = [
        helper.make_node("Shape", ["pixels"], ["count"], start=0, end=1),
        helper.make_node("Concat", ["count", "planes", "size"], ["target"], axis=0),
        helper.make_node("Transpose", ["pixels"], ["planar"], perm=[0, 3, 1, 2]),
        helper.make_node(
            "Resize",
            ["planar", "", "", "target"],
            ["fitted"],
            mode="linear",
            antialias=1,
            exclude_outside=1,  # as Pillow: the edge counts no more than the rest
            coordinate_transformation_mode="half_pixel",
        ),
        helper.make_node("Transpose", ["fitted"], ["packed"], perm=[0, 2, 3, 1]),
        helper.make_node("Tile", ["packed", "copies"], ["resized"]),
    ]
    values = {"size": size, "planes": [channels], "copies": [1, 1, 1, target_channels // channels]}
    constants = [numpy_helper.from_array(np.array(value, np.int64), name) for name, value in values.items()]
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", "height", "width", channels])
    resized = helper.make_tensor_value_info("resized", TensorProto.UINT8, ["n", *size, target_channels])
    return onnx_graphs.versioned_model(helper.make_graph(nodes, "resize", [pixels], [resized], constants))


def _head(network: Network) -> onnx.ModelProto:
    """float32 features [n, d] -> float32 probabilities [n, classes]."""
    nodes, constants, last = [], [], "head_features"
    for i, layer in enumerate(network.layers):
        constants += [
            numpy_helper.from_array(layer.weights.astype(np.float32), f"weights{i}"),
            numpy_helper.from_array(layer.bias.astype(np.float32), f"bias{i}"),
        ]
        nodes.append(helper.make_node("Gemm", [last, f"weights{i}", f"bias{i}"], [f"dense{i}"]))
        last = f"dense{i}"
        if layer.activation != "linear":
            nodes.append(
                helper.make_node({"relu": "Relu", "sigmoid": "Sigmoid"}[layer.activation], [last], [f"act{i}"])
            )
            last = f"act{i}"
    nodes.append(helper.make_node("Softmax", [last], ["probabilities"], axis=1))
    inputs, outputs = network.layers[0].weights.shape[0], network.layers[-1].bias.shape[0]
    features = helper.make_tensor_value_info("head_features", TensorProto.FLOAT, ["n", inputs])
    probabilities = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", outputs])
    return onnx_graphs.versioned_model(helper.make_graph(nodes, "classifier", [features], [probabilities], constants))
