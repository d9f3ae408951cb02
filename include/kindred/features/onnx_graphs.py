"""ONNX graphs of extractors: from a Keras network, from nodes, from pixels; and their sessions."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from kindred.features import keras_setup
from kindred.runtime.errors import InputError

REGIONS = "regions"
OPSET = 18  # the first whose Resize averages over all pixels that it shrinks (antialias), as Pillow does
IR_VERSION = 10
MIN_LENGTH = 1e-12  # by which features are divided where they are shorter: of an untrained network they are tiny
CAFFE_MEANS = (103.939, 116.779, 123.68)  # BGR, of ImageNet: what the weights of ResNet were trained with

Constants = Mapping[str, np.ndarray | np.generic]  # tensors by name


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
    width = size[0] * size[1] * channels
    return extractor_graph(nodes, (*size, channels), ("features", [width]), {"top": np.float32(255)})


def extractor_graph(
    nodes: list[onnx.NodeProto], shape: tuple[int, ...], output: tuple[str, list[int]], constants: Constants
) -> bytes:
    """An extractor's graph of its nodes: "images", uint8 [n, *shape] -> the named output, float32 [n, *its shape]."""
    name, sizes = output
    inputs = helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", *shape])
    outputs = helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *sizes])
    values = [numpy_helper.from_array(np.asarray(value), key) for key, value in constants.items()]
    return versioned_model(helper.make_graph(nodes, name, [inputs], [outputs], values)).SerializeToString()


def keras_application(
    name: str,
    size: tuple[int, int],
    weights: str,
    preprocessing: str,
    widths: tuple[float, ...] | None = None,
    earlier_map: str | None = None,
) -> bytes:
    """uint8 [n, h, w, 3] -> float32 [n, d]: a network of `keras.applications` without its top, globally averaged.

    `weights` is `imagenet` (from Keras's cache, downloaded once), `random` or a file of weights without the top.
    `widths` are the width multipliers (alpha) among which the one that a file was made with is found. With
    `earlier_map`, the name of a layer, its average stands before the features, each of them divided by its length.
    Raises InputError for weights that cannot be loaded.
    """
    keras = keras_setup.keras()
    import tensorflow as tf
    import tf2onnx

    network = _keras_network(keras, getattr(keras.applications, name), weights, widths)
    if earlier_map:
        network = keras.Model(network.input, [network.get_layer(earlier_map).output, network.output])

    def features(images: Any) -> Any:
        values = tf.cast(images, tf.float32)
        if preprocessing == "tf":
            values = values / 127.5 - 1.0
        else:
            values = values[..., ::-1] - tf.constant(CAFFE_MEANS)
        outputs = network(values, training=False)
        if earlier_map:
            parts = (tf.reduce_mean(outputs[0], [1, 2]), outputs[1])
            lengths = [tf.maximum(tf.norm(part, axis=1, keepdims=True), MIN_LENGTH) for part in parts]
            outputs = tf.concat([part / length for part, length in zip(parts, lengths, strict=True)], axis=1)
        return tf.identity(outputs, "features")

    signature = [tf.TensorSpec([None, *size, 3], tf.uint8, name="images")]
    model, _ = tf2onnx.convert.from_function(tf.function(features), signature, opset=OPSET)
    return _with_our_versions(model).SerializeToString()


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


def _keras_network(keras: Any, application: Any, weights: str, widths: tuple[float, ...] | None) -> Any:
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


def versioned_model(graph: onnx.GraphProto) -> onnx.ModelProto:
    """A model of one graph, in the operator set and the format version that all graphs here have."""
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


def _with_our_versions(model: onnx.ModelProto) -> onnx.ModelProto:
    """A converted model with one domain and the versions that `compose` can join with those of other graphs here."""
    del model.opset_import[:]
    model.opset_import.append(helper.make_opsetid("", OPSET))
    model.ir_version = IR_VERSION
    return model
