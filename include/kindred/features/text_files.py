"""The text encoder and the tokenizer that lie beside an image encoder's ONNX file: found, checked, made one's own.

As they are exported: `vision_model.onnx` and `text_model.onnx` in one folder, or one `model.onnx` of images and texts;
`tokenizer.json`, of the library tokenizers, and `tokenizer_config.json` beside them or in the folder above.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, ValueInfoProto

from kindred.features import onnx_files, onnx_graphs, onnx_parts, text_encoder
from kindred.features.onnx_parts import dimensions, shown
from kindred.features.text_encoder import MASK, TYPES, TextEncoder
from kindred.runtime import storage
from kindred.runtime.errors import InputError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TEXT_MODEL, TOKENIZER, CONFIG = "text_model.onnx", "tokenizer.json", "tokenizer_config.json"
OUTPUT = "text_embeds"  # transformers' name for what is comparable with images
IDS = "input_ids"
INTEGERS = (TensorProto.INT32, TensorProto.INT64)
MOST_TOKENS = 512  # that a text encoder of images is looked for to take
PADDING = ("<pad>", "[PAD]", "<|endoftext|>", "</s>")  # known padding tokens, where the files name none


class TextTower(NamedTuple):
    """A text encoder: `encoder` and `tokenizer` are the contents of an ONNX file and of a tokenizer.json;
    `path` is where it was, `sha256` of what lay there.
    """

    path: str
    sha256: str
    encoder: bytes
    tokenizer: bytes
    tokens: int  # at most
    width: int  # numbers that it makes of a text


class Graph(NamedTuple):
    """The part of a network that makes vectors of texts."""

    model: onnx.ModelProto
    ids: str  # the input of token ids
    tokens: int  # that it always takes; 0: any number
    masked: bool  # whether it has the input attention_mask


def read_tower(weights: str, say: Callable[[str], None]) -> TextTower | None:
    """The text encoder beside the image encoder that the param `weights` names, or in the same file; None where there
    is none, or one of its two files is missing, which `say` gets a line about. Raises InputError for what cannot be
    used.
    """
    image = onnx_files.existing(weights)
    encoder, tokenizer = _encoder(image), _tokenizer(image)
    content = storage.read_bytes(encoder or image)
    path = storage.local(encoder or image)
    graph = _graph(onnx_parts.loaded(content, path), path, own=encoder is not None)
    if graph is None or tokenizer is None:
        if graph is not None:
            say(f"{path} encodes texts, but no {TOKENIZER} lies beside it or above: the search takes no words")
        elif tokenizer is not None:
            say(f"{storage.local(tokenizer)} is there, but no {TEXT_MODEL} beside {path}: the search takes no words")
        return None
    words = storage.read_bytes(tokenizer)
    digest = hashlib.sha256(hashlib.sha256(content).digest() + hashlib.sha256(words).digest()).hexdigest()
    config = storage.find_json(storage.join(tokenizer.rsplit("/", 1)[0], CONFIG)) or {}
    return _made(graph, _parsed(words, tokenizer), config, path, storage.local(tokenizer), digest)


def check_width(tower: TextTower, width: int) -> None:
    """Raise InputError where texts and images do not become vectors of the same width."""
    if tower.width != width:
        raise InputError(
            f"{tower.path} makes {tower.width} numbers of a text, the image encoder {width} of an image: name its "
            "output that is projected (image_embeds) as output, or keep the two apart, in folders of their own"
        )


def _encoder(image: str) -> str | None:
    """The URI of the text encoder's own file."""
    folder, name = image.rsplit("/", 1)
    names = [re.sub("vision|visual|image", "text", name), re.sub(r"\.onnx$", ".text.onnx", name), TEXT_MODEL]
    return _first([storage.join(folder, other) for other in names if other != name])


def _tokenizer(image: str) -> str | None:
    folder = image.rsplit("/", 1)[0]
    above = folder.rsplit("/", 1)[0]
    folders = [folder] if above.endswith(("/", ":")) else [folder, above]  # nothing is above a bucket
    return _first([storage.join(one, TOKENIZER) for one in folders])


def _first(uris: list[str]) -> str | None:
    for uri in uris:
        fs, inside = storage.filesystem(uri)
        if fs.isfile(inside):
            return uri
    return None


def _graph(model: onnx.ModelProto, path: str, own: bool) -> Graph | None:
    """The part that makes vectors of texts; None where there is none. Raises InputError where it is ambiguous, or for
    a file of its `own` that has none.
    """
    inputs = onnx_parts.inputs(model)
    outputs = [value.name for value in model.graph.output]
    needed = {name: onnx_parts.needed_inputs(model.graph, name) & set(inputs) for name in outputs}
    vectors = [
        value.name
        for value in model.graph.output
        if onnx_parts.is_vector(value) and onnx_parts.is_float(value) and _are_tokens(inputs, needed[value.name])
    ]
    if not vectors and not own:
        return None
    output = OUTPUT if OUTPUT in vectors else vectors[0] if len(vectors) == 1 else None
    if output is None:
        listed = ", ".join(map(shown, [*inputs.values(), *model.graph.output]))
        raise InputError(f"{path} has {len(vectors)} outputs [n, d] of token ids, none named {OUTPUT}: {listed}")
    ids = sorted(needed[output] - {MASK, TYPES})
    if len(ids) != 1:
        raise InputError(f"{path} takes {', '.join(sorted(needed[output]))}; known: {IDS}, {MASK}, {TYPES}")
    texts, tokens = dimensions(inputs[ids[0]])
    if isinstance(texts, int) and texts != 1:
        raise InputError(f"{path} takes {texts} texts at a time; export it with a batch of any size or of 1")
    part = onnx.ModelProto(ir_version=model.ir_version, opset_import=model.opset_import)
    used = [inputs[name] for name in sorted(needed[output])]
    part.graph.CopyFrom(onnx_parts.part(model.graph, used, output))
    return Graph(part, ids[0], tokens if isinstance(tokens, int) else 0, MASK in needed[output])


def _are_tokens(inputs: dict[str, ValueInfoProto], names: set[str]) -> bool:
    values = [inputs[name] for name in names]
    return bool(values) and all(
        value.type.tensor_type.elem_type in INTEGERS and len(dimensions(value)) == 2 for value in values
    )


def _parsed(content: bytes, uri: str) -> Tokenizer:
    try:
        return text_encoder.tokenizer(content)
    except Exception as error:  # the library raises Exception itself
        reason = onnx_parts.line(error)
        raise InputError(f"{storage.local(uri)} is no tokenizer of the library tokenizers: {reason}") from None


def _made(graph: Graph, tokenizer: Tokenizer, config: dict[str, Any], path: str, words: str, digest: str) -> TextTower:
    """The two, fitted to each other: the tokenizer cuts and pads as the graph needs it. Raises InputError where they
    do not run together.
    """
    content = graph.model.SerializeToString()
    try:
        encoder = TextEncoder(tokenizer, onnx_graphs.session(content))
    except Exception as error:  # ONNX Runtime's errors have no common type
        raise InputError(f"{path} does not run: {onnx_parts.line(error)}") from None
    tokens = graph.tokens or _context(tokenizer, config) or _longest(encoder)
    padding = tokenizer.padding or {}
    length = graph.tokens or min(padding.get("length") or (0 if graph.masked else tokens), tokens)
    tokenizer.enable_truncation(tokens)
    tokenizer.no_padding()
    last = max(tokenizer.get_vocab(with_added_tokens=False).values(), default=0)
    if length:
        pad = _padding(tokenizer, padding, config, words)
        tokenizer.enable_padding(pad_id=pad[1], pad_token=pad[0], length=length, **_direction(padding))
        last = max(last, pad[1])
    width = _tried(encoder, tokens, last, path, words)
    return TextTower(path, digest, content, tokenizer.to_str().encode(), tokens, width)


def _context(tokenizer: Tokenizer, config: dict[str, Any]) -> int:
    """How many tokens a text may have, by the tokenizer's files; 0 where they do not say."""
    said = (tokenizer.truncation or {}).get("max_length") or config.get("model_max_length")
    return int(said) if isinstance(said, int | float) and 1 <= said <= MOST_TOKENS else 0


def _longest(encoder: TextEncoder) -> int:
    """How many tokens the graph takes, at most MOST_TOKENS: it has a position for each."""
    low, high = 1, MOST_TOKENS
    while low < high:
        middle = (low + high + 1) // 2
        try:
            _run(encoder, middle, 0)
            low = middle
        except Exception:  # ONNX Runtime's errors have no common type
            high = middle - 1
    return low


def _padding(tokenizer: Tokenizer, own: dict[str, Any], config: dict[str, Any], words: str) -> tuple[str, int]:
    """The padding token and its id. Raises InputError where no file names one."""
    if own:
        return str(own["pad_token"]), int(own["pad_id"])
    said = config.get("pad_token")
    names = [said.get("content") if isinstance(said, dict) else said] if said else PADDING
    for name in map(str, names):
        if (number := tokenizer.token_to_id(name)) is not None:
            return name, number
    raise InputError(f"{words} names no token for padding, which the text encoder needs; set it with enable_padding")


def _direction(own: dict[str, Any]) -> dict[str, Any]:
    return {"direction": str(own["direction"])} if own else {}


def _run(encoder: TextEncoder, tokens: int, token: int) -> np.ndarray:
    """The features of so many equal tokens."""
    return encoder.features({"": [token] * tokens, MASK: [1] * tokens, TYPES: [0] * tokens})


def _tried(encoder: TextEncoder, tokens: int, last: int, path: str, words: str) -> int:
    """The number of features of a text. Raises InputError where the graph does not run on a whole text, or not on the
    last token.
    """
    for token in (0, last):
        try:
            features = _run(encoder, tokens, token)
        except Exception as error:  # ONNX Runtime's errors have no common type
            advice = f"{path} does not run on {tokens} tokens of number {token}; is {words} of the same network?"
            raise InputError(f"{advice} ({onnx_parts.line(error)})") from None
        if not np.isfinite(features).all():
            raise InputError(f"{path} makes numbers of a text that are not finite")
    return features.shape[1]
