"""The ONNX graph of a whole model: from decoded pixels to class probabilities."""

import json

import numpy as np
import onnx
from onnx import TensorProto, compose, helper, numpy_helper

import kindred
from kindred.features import onnx_graphs
from kindred.features.featurize import Extractor
from kindred.features.preprocessing import BICUBIC, BILINEAR
from kindred.learning.networks import Network
from kindred.runtime import label_sets
from kindred.runtime.label_sets import Thresholds

PREFIX = "extractor/"  # of the names in an extractor's graph: no other part has them


def whole_model(
    extractor: bytes, network: Network, channels: int, interpolation: str = BILINEAR, crop: float = 0.0
) -> bytes:
    """decoded pixels, uint8 [n, height, width, c] of any size -> "probabilities", float32 [n, classes].

    Inside: crop and resize (as Pillow's) to the extractor's size, extractor, classifier, softmax, or with several
    labels an image a sigmoid of each class. `extractor`: its graph, uint8 [n, h, w, c] -> float32 [n, d]; `channels`:
    of the images; `interpolation` and `crop`: the extractor's.

    >>> from kindred.learning.networks import Layer
    >>> extractor = onnx_graphs.scaled_pixels((2, 2), 1)
    >>> network = Network((Layer(weights=np.array([[1.0, -1.0]] * 4), bias=np.zeros(2)),))
    >>> session = onnx_graphs.session(whole_model(extractor, network, channels=1))
    >>> black = np.zeros((1, 6, 8, 1), np.uint8)
    >>> session.run(["probabilities"], {"pixels": black})[0].tolist()
    [[0.5, 0.5]]
    """
    core = compose.add_prefix(onnx.load_from_string(extractor), PREFIX)
    shape = [d.dim_value for d in core.graph.input[0].type.tensor_type.shape.dim]
    before, head = _resize(shape[1:3], channels, shape[3], interpolation, crop), _head(network)
    for part in (before, head):  # whose operators are the same in later sets
        _take_versions_of(core, part)
    model = compose.merge_models(
        compose.merge_models(before, core, [("resized", core.graph.input[0].name)]),
        head,
        [(core.graph.output[0].name, "head_features")],
    )
    onnx.checker.check_model(model)
    return model.SerializeToString()


def described(
    model: bytes, classes: list[str], extractor: Extractor, channels: int, run: str, thresholds: Thresholds = None
) -> bytes:
    """The graph of a whole model with what its user has to know in its metadata: ONNX Runtime gives it as
    `session.get_modelmeta().custom_metadata_map`. All values are texts; classes, sizes and thresholds are JSON.
    `thresholds`: the network's, with several labels an image.
    """
    proto = onnx.load_from_string(model)
    about = {
        "classes": json.dumps(classes, ensure_ascii=False),  # in the order of the probabilities
        "input": f"uint8 [n, height, width, {channels}], values 0 to 255, {'RGB' if channels == 3 else 'grey'}",
        "preprocessing": f"none: the model {_resizing(extractor)} and scales the values itself",
        "image_size": json.dumps([extractor.height, extractor.width]),  # px, inside the model
        "channels": str(channels),
        "output": "probabilities, float32 [n, classes]",
        "extractor": extractor.name,
        "precision": "int8" if extractor.quantised_from else "float32",
        "run": run,
        "kindred_version": kindred.__version__,
    }
    if thresholds is not None:
        about |= {
            "task": label_sets.MULTI_LABEL,
            "thresholds": json.dumps(list(thresholds)),  # in the order of the classes
            "output": "probabilities, float32 [n, classes], of each class by itself: from its threshold on it is there",
        }
    helper.set_model_props(proto, about)
    proto.doc_string = f"Kindred: decoded pixels to the probabilities of {len(classes)} classes"
    return proto.SerializeToString()


def _resizing(extractor: Extractor) -> str:
    """In words, what happens to the pixels first."""
    cropped = f"takes the middle ({extractor.crop:g} of the shorter side), " if extractor.crop else ""
    return f"{cropped}resizes ({extractor.interpolation}, antialiased, to image_size)"


def _take_versions_of(core: onnx.ModelProto, part: onnx.ModelProto) -> None:
    """Give a part of a graph the operator set and the format of the other one, which is no older."""
    part.opset_import[0].version = next(entry.version for entry in core.opset_import if entry.domain in ("", "ai.onnx"))
    part.ir_version = core.ir_version


def _crop(size: list[int], crop: float) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """The nodes from "pixels" to "middle", as `preprocessing.crop_box` computes it, and their constants."""
    nodes = [
        helper.make_node("Shape", ["pixels"], ["sides"], start=1, end=3),
        helper.make_node("Cast", ["sides"], ["sides_double"], to=TensorProto.DOUBLE),
        helper.make_node("Div", ["sides_double", "size_double"], ["scales"]),
        helper.make_node("ReduceMin", ["scales"], ["scale_min"]),
        helper.make_node("Mul", ["scale_min", "crop"], ["crop_scale"]),
        helper.make_node("Mul", ["size_double", "crop_scale"], ["crop_exact"]),
        helper.make_node("Add", ["crop_exact", "half"], ["crop_half"]),
        helper.make_node("Floor", ["crop_half"], ["crop_floor"]),
        helper.make_node("Cast", ["crop_floor"], ["crop_whole"], to=TensorProto.INT64),
        helper.make_node("Max", ["crop_whole", "one"], ["crop_sides"]),
        helper.make_node("Sub", ["sides", "crop_sides"], ["spare"]),
        helper.make_node("Div", ["spare", "two"], ["crop_start"]),
        helper.make_node("Add", ["crop_start", "crop_sides"], ["crop_end"]),
        helper.make_node("Slice", ["pixels", "crop_start", "crop_end", "crop_axes"], ["middle"]),
    ]
    values = {
        "size_double": np.array(size, np.float64),
        "crop": np.float64(crop),
        "half": np.float64(0.5),
        "one": np.int64(1),
        "two": np.int64(2),
        "crop_axes": np.array([1, 2], np.int64),
    }
    return nodes, [numpy_helper.from_array(np.asarray(value), name) for name, value in values.items()]


def _resize(size: list[int], channels: int, target_channels: int, interpolation: str, crop: float) -> onnx.ModelProto:
    """uint8 [n, any, any, channels] -> uint8 [n, h, w, target_channels]."""
    cut, cut_constants = _crop(size, crop) if crop else ([], [])
    cubic = {"mode": "cubic", "cubic_coeff_a": -0.5}  # as Pillow
    nodes = [
        *cut,
        helper.make_node("Shape", ["pixels"], ["count"], start=0, end=1),
        helper.make_node("Concat", ["count", "planes", "size"], ["target"], axis=0),
        helper.make_node("Transpose", ["middle" if crop else "pixels"], ["planar"], perm=[0, 3, 1, 2]),
        helper.make_node(
            "Resize",
            ["planar", "", "", "target"],
            ["fitted"],
            **(cubic if interpolation == BICUBIC else {"mode": "linear"}),
            antialias=1,
            exclude_outside=1,  # as Pillow: the edge counts no more than the rest
            coordinate_transformation_mode="half_pixel",
        ),
        helper.make_node("Transpose", ["fitted"], ["packed"], perm=[0, 2, 3, 1]),
        helper.make_node("Tile", ["packed", "copies"], ["resized"]),
    ]
    values = {"size": size, "planes": [channels], "copies": [1, 1, 1, target_channels // channels]}
    constants = [numpy_helper.from_array(np.array(value, np.int64), name) for name, value in values.items()]
    constants += cut_constants
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
    if network.thresholds is None:
        nodes.append(helper.make_node("Softmax", [last], ["probabilities"], axis=1))
    else:
        nodes.append(helper.make_node("Sigmoid", [last], ["probabilities"]))
    inputs, outputs = network.layers[0].weights.shape[0], network.layers[-1].bias.shape[0]
    features = helper.make_tensor_value_info("head_features", TensorProto.FLOAT, ["n", inputs])
    probabilities = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", outputs])
    return onnx_graphs.versioned_model(helper.make_graph(nodes, "classifier", [features], [probabilities], constants))
