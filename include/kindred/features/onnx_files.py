"""A network in an ONNX file of another's making: its image input, its output, and its graph as an extractor's."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, ValueInfoProto, compose, helper, numpy_helper, version_converter

from kindred.data import sources
from kindred.features import onnx_graphs, onnx_parts, preprocessing
from kindred.features.onnx_parts import Dimensions, shown
from kindred.features.preprocessing import Preprocessing
from kindred.runtime import storage
from kindred.runtime.errors import InputError

MAX_BYTES = 2**31 - 1  # of a protocol buffer
METADATA = "preprocessing"  # the key of the file's own metadata that holds what the param of this name would
CLASS, MEAN = ":class", ":mean"  # after an output's name: which of its tokens
PREFIX = "network/"  # of all names of the file's graph


class Network(NamedTuple):
    """A file, and what is to be made of it."""

    path: str
    sha256: str
    model: onnx.ModelProto
    image: ImageInput
    output: str
    tokens: str  # CLASS, MEAN or nothing
    preprocessing: Preprocessing


class ImageInput(NamedTuple):
    """The input of a network that takes images."""

    name: str
    kind: int  # of its elements: ONNX's number
    layout: str  # one of preprocessing.LAYOUTS; nothing where the graph does not say it
    channels: int
    dimensions: Dimensions  # a text: any

    def sides(self) -> tuple[int, int]:
        """Height and width; 0: any."""
        height, width = self.dimensions[2:] if self.layout == "NCHW" else self.dimensions[1:3]
        return height if isinstance(height, int) else 0, width if isinstance(width, int) else 0


def existing(weights: str) -> str:
    """The URI of the file that the param `weights` names. Raises InputError for one that is not there, or too big."""
    if weights in ("", "imagenet", "random"):
        raise InputError(f"extractor onnx needs weights: the path or URI of an ONNX file; got {weights!r}")
    uri = storage.uri(weights)
    fs, inside = storage.filesystem(uri)
    try:
        info = fs.info(inside)
    except FileNotFoundError:
        raise InputError(f"no such file: {storage.local(uri)}") from None
    if info.get("type") == "directory":
        raise InputError(f"{storage.local(uri)} is a folder; weights names the ONNX file in it")
    if (info.get("size") or 0) > MAX_BYTES:
        raise InputError(f"{storage.local(uri)} has {info['size']:,} bytes; an ONNX file has at most {MAX_BYTES:,}")
    return sources.file_source(uri).uri if uri.startswith("file://") else uri


def read(weights: str, preprocessing_text: str, output: str) -> Network:
    """The network in a file. `preprocessing_text`: a preset or JSON; empty: the file's own metadata. `output`: a name,
    with `:class` or `:mean` where it holds tokens; empty: the only one that is [n, d]. Raises InputError.
    """
    uri = existing(weights)
    path, content = storage.local(uri), storage.read_bytes(uri)
    model = onnx_parts.loaded(content, path)
    image = _image_input(model, path)
    text = preprocessing_text or {entry.key: entry.value for entry in model.metadata_props}.get(METADATA, "")
    name, tokens = _output(model, image.name, output, path)
    return _checked(
        Network(path, hashlib.sha256(content).hexdigest(), model, image, name, tokens, Preprocessing()), text
    )


def size(network: Network, image_size: int | None) -> tuple[int, int]:
    """The height and width of its images: the graph's, or those of the param where it takes any. Raises InputError."""
    height, width = (side or image_size or 0 for side in network.image.sides())
    if not height or not width:
        raise InputError(f"{network.path} takes images of any size; give image_size, for example 224")
    if image_size and (height, width) != (image_size, image_size):
        raise InputError(f"{network.path} takes images of {height} x {width} px, not image_size {image_size}")
    return height, width


def graph(network: Network, size: tuple[int, int]) -> bytes:
    """uint8 [n, *size, c] -> float32 [n, d]: the network with its preprocessing. Raises InputError for one that does
    not run, or gives something else.
    """
    model, image = _in_our_versions(network), network.image
    shape: list[int | str | None] = (
        ["n", image.channels, *size] if image.layout == "NCHW" else ["n", *size, image.channels]
    )
    part = onnx.ModelProto(ir_version=model.ir_version, opset_import=model.opset_import)
    images = helper.make_tensor_value_info(image.name, image.kind, shape)
    part.graph.CopyFrom(onnx_parts.part(model.graph, [images], network.output))
    core = compose.add_prefix(part, PREFIX).graph
    before, constants = _before(network, PREFIX + image.name)
    after = _after(network, PREFIX + network.output)
    constants["token"], constants["tokens"] = np.int64(0), np.array([1], np.int64)
    values = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    whole = helper.make_graph(
        [*before, *core.node, *after],
        "extractor",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", *size, image.channels])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", "d"])],
        [*core.initializer, *values],
        sparse_initializer=core.sparse_initializer,
    )
    del model.graph.node[:]
    model.graph.CopyFrom(whole)
    del model.metadata_props[:]
    content = model.SerializeToString()
    width = _tried(network, content, (*size, image.channels))
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = width
    return model.SerializeToString()


def _checked(network: Network, text: str) -> Network:
    """The network with the preprocessing of the text. Raises InputError where it does not fit the input."""
    if network.image.kind == TensorProto.UINT8:
        chosen = preprocessing.parse(text) if text else Preprocessing()
        if chosen.scales:
            raise InputError(
                f"{network.path} takes uint8 and scales the values itself: preprocessing may only have interpolation "
                "and crop"
            )
    elif not text:
        presets = ", ".join(preprocessing.PRESETS)
        raise InputError(
            f"{network.path} does not say how its images are scaled; give preprocessing: {presets} or JSON"
        )
    else:
        chosen = preprocessing.parse(text)
    if max(len(chosen.mean), len(chosen.std)) > network.image.channels:
        raise InputError(f"{network.path} takes grey images: mean and std in preprocessing must be one number each")
    layout = network.image.layout or chosen.layout
    if not layout:
        raise InputError(f'{network.path} does not say where the channels are; give "layout": "NCHW" or "NHWC"')
    if chosen.layout and chosen.layout != layout:
        raise InputError(f"{network.path} takes {layout}, not the layout {chosen.layout} of preprocessing")
    return network._replace(image=network.image._replace(layout=layout), preprocessing=chosen)


def _image_input(model: onnx.ModelProto, path: str) -> ImageInput:
    """The only input of images. Raises InputError."""
    inputs = onnx_parts.inputs(model)
    found = [value for value in inputs.values() if _takes_images(value)]
    if len(found) != 1:
        listed = ", ".join(map(shown, inputs.values())) or "none"
        count = "no image input" if not found else f"{len(found)} image inputs"
        raise InputError(f"{path} has {count}, float or uint8 [n, c, h, w] or [n, h, w, c]; its inputs: {listed}")
    value, dimensions = found[0], onnx_parts.dimensions(found[0])
    if 0 in dimensions:
        raise InputError(f"{path} takes images of no size: {shown(value)}")
    if isinstance(dimensions[0], int):
        raise InputError(
            f"{path} takes {dimensions[0]} image at a time, {shown(value)}; export it with a batch of any size "
            "(dynamic_axes or dynamic_shapes in torch.onnx.export)"
        )
    layout, channels = "", 3
    if dimensions[1] in (1, 3):
        layout, channels = "NCHW", int(dimensions[1])
    elif dimensions[3] in (1, 3):
        layout, channels = "NHWC", int(dimensions[3])
    elif kernel := _first_kernel(model, value.name):
        layout, channels = "NCHW", kernel
    elif not all(isinstance(dimensions[axis], str) for axis in (1, 3)):
        raise InputError(f"{path} takes neither colour nor grey images: {shown(value)}")
    if channels not in (1, 3):
        raise InputError(f"{path} takes neither colour nor grey images but {channels} channels: {shown(value)}")
    return ImageInput(value.name, value.type.tensor_type.elem_type, layout, channels, dimensions)


def _takes_images(value: ValueInfoProto) -> bool:
    kinds = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.UINT8)
    return value.type.tensor_type.elem_type in kinds and len(onnx_parts.dimensions(value)) == 4


def _first_kernel(model: onnx.ModelProto, name: str) -> int:
    """The channels of a convolution that takes the input as it is, which makes it NCHW; 0 where there is none."""
    shapes = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Conv" and node.input[0] == name and len(shapes.get(node.input[1], [])) == 4:
            group = next((attribute.i for attribute in node.attribute if attribute.name == "group"), 1)
            return int(shapes[node.input[1]][1] * group)
    return 0


def _output(model: onnx.ModelProto, image: str, wanted: str, path: str) -> tuple[str, str]:
    """The name of the output, and which of its tokens. Raises InputError where it is not clear."""
    outputs = {value.name: value for value in model.graph.output}
    others = set(onnx_parts.inputs(model)) - {image}
    usable = {
        name: value
        for name, value in outputs.items()
        if image in (needed := onnx_parts.needed_inputs(model.graph, name)) and not others & needed
    }
    listed = ", ".join(map(shown, usable.values())) or "none that depends on the images alone"
    if not wanted:
        vectors = [name for name, value in usable.items() if onnx_parts.is_vector(value) and onnx_parts.is_float(value)]
        if len(vectors) == 1:
            return vectors[0], ""
        raise InputError(f"{path} has {len(vectors)} outputs of features [n, d]; name one as output: {listed}")
    name, tokens = wanted, ""
    if wanted not in outputs and wanted.endswith((CLASS, MEAN)):
        name, _, kind = wanted.rpartition(":")
        tokens = f":{kind}"
    if name not in usable:
        raise InputError(f"{path} has no output {name!r} of images; known: {listed}")
    value = usable[name]
    if not onnx_parts.is_float(value):
        raise InputError(f"the output {shown(value)} of {path} holds no floats")
    rank = len(onnx_parts.dimensions(value))
    if rank == 3 and not tokens:
        raise InputError(
            f"the output {shown(value)} of {path} holds tokens: give {name}{CLASS} (the first one, the class token of "
            f"ViT, CLIP and DINOv2) or {name}{MEAN} (the mean of all)"
        )
    if (rank != 3 and tokens) or not (rank == 3 or onnx_parts.is_vector(value)):
        raise InputError(f"the output {shown(value)} of {path} is not [n, {'tokens, ' if tokens else ''}d]")
    return name, tokens


def _in_our_versions(network: Network) -> onnx.ModelProto:
    """The model in the operator set of the graphs here, or a later one. Raises InputError."""
    version = next((entry.version for entry in network.model.opset_import if entry.domain in ("", "ai.onnx")), 0)
    model = network.model
    if version < onnx_graphs.OPSET:
        try:
            model = version_converter.convert_version(model, onnx_graphs.OPSET)
        except Exception as error:  # the converter raises RuntimeError, ValueError and others
            advice = f"export it with opset {onnx_graphs.OPSET} or later"
            raise InputError(f"{network.path} has the opset {version}; {advice} ({onnx_parts.line(error)})") from None
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    copy.ir_version = max(copy.ir_version, onnx_graphs.IR_VERSION)
    return copy


def _before(network: Network, target: str) -> tuple[list[NodeProto], dict[str, np.ndarray | np.generic]]:
    """The nodes from "images", uint8 [n, h, w, c], to the network's input, and their constants."""
    kind, chosen = network.image.kind, network.preprocessing
    nodes: list[NodeProto] = []
    constants: dict[str, np.ndarray | np.generic] = {}
    last = "images"
    if kind != TensorProto.UINT8:
        constants = {
            "scale": np.float32(chosen.scale),
            "mean": np.array(chosen.mean, np.float32),
            "std": np.array(chosen.std, np.float32),
        }
        nodes = [
            helper.make_node("Cast", [last], ["floats"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["floats", "scale"], ["scaled"]),
            helper.make_node("Sub", ["scaled", "mean"], ["centred"]),
            helper.make_node("Div", ["centred", "std"], ["standardised"]),
            helper.make_node("Cast", ["standardised"], ["typed"], to=kind),
        ]
        last = "typed"
    if network.image.layout == "NCHW":
        return [*nodes, helper.make_node("Transpose", [last], [target], perm=[0, 3, 1, 2])], constants
    return [*nodes, helper.make_node("Identity", [last], [target])], constants


def _after(network: Network, output: str) -> list[NodeProto]:
    """The nodes from the network's output to "features", float32 [n, d]."""
    nodes = {
        CLASS: helper.make_node("Gather", [output, "token"], ["chosen"], axis=1),
        MEAN: helper.make_node("ReduceMean", [output, "tokens"], ["chosen"], keepdims=0),
        "": helper.make_node("Flatten", [output], ["chosen"], axis=1),
    }
    return [nodes[network.tokens], helper.make_node("Cast", ["chosen"], ["features"], to=TensorProto.FLOAT)]


def _tried(network: Network, content: bytes, shape: Sequence[int]) -> int:
    """The number of features that the graph gives for two images. Raises InputError where it gives none."""
    pixels = np.random.default_rng(0).integers(0, 256, (2, *shape), np.uint8)
    try:
        features = onnx_graphs.session(content).run(None, {"images": pixels})[0]
    except Exception as error:  # ONNX Runtime's errors have no common type
        raise InputError(
            f"{network.path} does not run on images of {shape[0]} x {shape[1]} px: {onnx_parts.line(error)}"
        ) from None
    if features.ndim != 2 or len(features) != 2 or not features.shape[1]:
        raise InputError(f"the output {network.output!r} of {network.path} is {list(features.shape)} for 2 images")
    if not np.isfinite(features).all():
        raise InputError(f"the output {network.output!r} of {network.path} is not finite: is preprocessing right?")
    return int(features.shape[1])
