"""ONNX graphs: from a Keras network, from pixels, and the whole way from decoded pixels to class probabilities."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, compose, helper, numpy_helper

from kindred.errors import InputError
from kindred.networks import Network

REGIONS = "regions"
OPSET = 18  # the first whose Resize averages over all pixels that it shrinks (antialias), as Pillow does
IR_VERSION = 10
CAFFE_MEANS = (103.939, 116.779, 123.68)  # BGR, of ImageNet: what the weights of ResNet were trained with


def session(content: bytes | str, threads: int = 1) -> Any:
    """An ONNX Runtime session on the CPU for a graph, given as bytes or as a path."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def scaled_pixels(size: tuple[int, int], channels: int) -> bytes:
    """uint8 [n, h, w, c] -> float32 [n, h * w * c], from 0 to 1."""
    nodes = [
        helper.make_node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["floats", "top"], ["scaled"]),
        helper.make_node("Flatten", ["scaled"], ["features"], axis=1),
    ]
    return model(nodes, (*size, channels), ("features", [size[0] * size[1] * channels]), {"top": np.float32(255)})


def model(
    nodes: list[onnx.NodeProto],
    shape: tuple[int, int, int],
    output: tuple[str, list[int]],
    constants: dict[str, np.ndarray],
) -> bytes:
    """An extractor's graph of its nodes: "images", uint8 [n, *shape] -> the named output, float32 [n, *its shape]."""
    name, sizes = output
    given = helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", *shape])
    found = helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *sizes])
    values = [numpy_helper.from_array(np.asarray(value), key) for key, value in constants.items()]
    return _model(helper.make_graph(nodes, name, [given], [found], values)).SerializeToString()


def keras_application(
    name: str, size: tuple[int, int], weights: str, preprocessing: str, widths: tuple[float, ...] | None = None
) -> bytes:
    """uint8 [n, h, w, 3] -> float32 [n, d]: a network of `keras.applications` without its top, globally averaged.

    `weights` is `imagenet` (from Keras's own place, downloaded once), `random` or a file of weights without the top.
    `widths` are the width multipliers (alpha) among which the one that a file was made with is found.
    Raises InputError for weights that cannot be loaded.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras
    import tensorflow as tf
    import tf2onnx

    network = _keras_network(getattr(keras.applications, name), weights, widths)

    def features(images):
        values = tf.cast(images, tf.float32)
        if preprocessing == "tf":
            values = values / 127.5 - 1.0
        else:
            values = values[..., ::-1] - tf.constant(CAFFE_MEANS)
        return tf.identity(network(values, training=False), "features")

    signature = [tf.TensorSpec([None, *size, 3], tf.uint8, name="images")]
    model, _ = tf2onnx.convert.from_function(tf.function(features), signature, opset=OPSET)
    return _named(model).SerializeToString()


def whole(extractor: bytes, network: Network, channels: int) -> bytes:
    """decoded pixels, uint8 [n, height, width, c] of any size -> "probabilities", float32 [n, classes].

    Inside: resize (bilinear, as Pillow's) to what the extractor wants, extractor, classifier, softmax.
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


def with_regions(extractor: bytes) -> bytes | None:
    """An extractor's graph with a second output REGIONS, float32 [n, rows, columns, d], whose mean over rows and
    columns is the features [n, d]; None for an extractor that does not end so.
    """
    model = onnx.shape_inference.infer_shapes(onnx.load_from_string(extractor))
    graph = model.graph
    last = next(node for node in reversed(graph.node) if node.output[0] == graph.output[0].name)
    if last.op_type != "ReduceMean":
        return None
    axes = next((numpy_helper.to_array(c).tolist() for c in graph.initializer if c.name in last.input[1:]), None)
    shapes = {value.name: value.type.tensor_type.shape.dim for value in graph.value_info}
    if axes not in ([1, 2], [2, 3]) or len(shapes.get(last.input[0], ())) != 4:
        return None
    order = [0, 1, 2, 3] if axes == [1, 2] else [0, 2, 3, 1]
    graph.node.append(helper.make_node("Transpose", [last.input[0]], [REGIONS], perm=order))
    sizes = [shapes[last.input[0]][axis].dim_value for axis in order[1:]]
    graph.output.append(helper.make_tensor_value_info(REGIONS, TensorProto.FLOAT, ["n", *sizes]))
    return model.SerializeToString()


def _keras_network(application: Any, weights: str, widths: tuple[float, ...] | None) -> Any:
    import keras

    shape = {"include_top": False, "pooling": "avg", "input_shape": (None, None, 3)}
    if weights == "random":
        keras.utils.set_random_seed(0)
        return application(weights=None, **shape)
    if weights == "imagenet":
        try:
            return application(weights="imagenet", **shape)
        except Exception as error:  # Keras raises a bare Exception where its download fails
            line = str(error).splitlines()[0]
            hint = "put the file into $KERAS_HOME/models or give a file as weights"
            raise InputError(f"no ImageNet weights for {application.__name__}: {line}; {hint}") from None
    if not Path(weights).is_file():
        raise InputError(f"no such weights: {weights!r}; give imagenet, random or a file")
    reasons = []
    for width in widths or (None,):
        network = application(weights=None, **shape, **({"alpha": width} if width else {}))
        try:
            network.load_weights(weights)
            return network
        except (ValueError, OSError, KeyError) as error:
            reasons.append(str(error).splitlines()[0][:200])
    raise InputError(f"{weights} holds no weights of {application.__name__} without its top: {reasons[0]}")


def _resize(size: list[int], channels: int, wanted: int) -> onnx.ModelProto:
    """uint8 [n, any, any, channels] -> uint8 [n, h, w, wanted]."""
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
    values = {"size": size, "planes": [channels], "copies": [1, 1, 1, wanted // channels]}
    constants = [numpy_helper.from_array(np.array(value, np.int64), name) for name, value in values.items()]
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", "height", "width", channels])
    resized = helper.make_tensor_value_info("resized", TensorProto.UINT8, ["n", *size, wanted])
    return _model(helper.make_graph(nodes, "resize", [pixels], [resized], constants))


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
    return _model(helper.make_graph(nodes, "classifier", [features], [probabilities], constants))


def _model(graph: onnx.GraphProto) -> onnx.ModelProto:
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


def _named(model: onnx.ModelProto) -> onnx.ModelProto:
    """A converted model with one domain, one IR version and an input and output that `compose` can join."""
    del model.opset_import[:]
    model.opset_import.append(helper.make_opsetid("", OPSET))
    model.ir_version = IR_VERSION
    return model
