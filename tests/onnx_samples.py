"""Small networks in ONNX files, as people export them: what tests make of them can be computed in one's head."""

from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

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


WORDS = {"<pad>": 0, "<unk>": 1, "red": 2, "green": 3, "blue": 4, "car": 5}
COLOURS = np.array([[0] * 3, [0] * 3, [0.9, 0.1, 0], [0, 0.8, 0.1], [0.1, 0.1, 0.7], [0.1] * 3], np.float32)  # of each
CONTEXT = 6  # tokens


def text_model(
    tokens: int | str = "tokens",
    masked: bool = False,
    kind: int = TensorProto.INT64,
    texts: int | str = "batch",
    width: int = 3,
) -> ModelProto:
    """The mean of the COLOURS of a text's tokens, "text_embeds" [n, width], those of padding too unless `masked`, and
    "last_hidden_state" [n, tokens, width]. It has CONTEXT positions.
    """
    names = ["input_ids", *(["attention_mask"] if masked else [])]
    nodes = [
        helper.make_node("Gather", ["colours", "input_ids"], ["looked_up"]),
        helper.make_node("Shape", ["input_ids"], ["length"], start=1, end=2),
        helper.make_node("Squeeze", ["length"], ["end"]),
        helper.make_node("Range", ["start", "end", "step"], ["places"]),
        helper.make_node("Gather", ["positions", "places"], ["placed"]),
        helper.make_node("Add", ["looked_up", "placed"], ["last_hidden_state"]),
    ]
    if masked:
        nodes += [
            helper.make_node("Unsqueeze", ["attention_mask", "last"], ["one_column"]),
            helper.make_node("Cast", ["one_column"], ["weights"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["last_hidden_state", "weights"], ["weighted"]),
            helper.make_node("ReduceSum", ["weighted", "axis"], ["text_embeds"], keepdims=0),
        ]
    else:
        nodes += reduced("last_hidden_state", "text_embeds", [1], 17)
    return model(
        nodes,
        [(name, kind, [texts, tokens]) for name in names],
        [
            ("last_hidden_state", TensorProto.FLOAT, ["batch", tokens, width]),
            ("text_embeds", TensorProto.FLOAT, ["batch", width]),
        ],
        {
            "colours": COLOURS[:, :width],
            "positions": np.zeros((CONTEXT, width), np.float32),
            **{name: np.array(value) for name, value in {"start": 0, "step": 1, "axis": [1], "last": [2]}.items()},
        },
    )


def tokenizer(words: dict[str, int] | None = None, longest: int | None = None) -> Tokenizer:
    """One that divides a text into WORDS at spaces."""
    made = Tokenizer(models.WordLevel(WORDS if words is None else words, unk_token="<unk>"))
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    if longest:
        made.enable_truncation(longest)
    return made


def put_words(folder: Path, **of_the_model: Any) -> None:
    """A text encoder and its tokenizer, as they lie beside an image encoder."""
    saved(text_model(**of_the_model), folder, "text_model.onnx")
    (folder / "tokenizer.json").write_text(tokenizer().to_str())


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
