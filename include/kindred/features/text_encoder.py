"""Words -> features that are comparable with those of images: the text encoder of CLIP, SigLIP and the like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from kindred.runtime.errors import InputError

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

MAX_CHARACTERS = 1000  # of a query: encoders take 64 or 77 tokens
FATAL = 4  # ONNX Runtime's level
MASK, TYPES = "attention_mask", "token_type_ids"  # inputs beside the one of token ids, as transformers name them


class Words(NamedTuple):
    """A text, encoded: its features [1, d] float32, the part of it that the encoder takes, and how many tokens that is,
    those that mark beginning and end among them.
    """

    features: np.ndarray
    read: str
    tokens: int


@dataclass(frozen=True)
class TextEncoder:
    """A tokenizer, which cuts and pads as the graph needs it, and the ONNX Runtime session of that graph."""

    tokenizer: Tokenizer
    session: Any

    def encode(self, text: str) -> Words:
        """The features of a text. Raises InputError for one that is too long, or has nothing that the tokenizer knows.

        What is more than the encoder takes is cut off; `read` is what is left.
        """
        if len(text) > MAX_CHARACTERS:
            raise InputError(f"the text has {len(text):,} characters; at most {MAX_CHARACTERS:,} are taken")
        text = text.encode("utf-8", "replace").decode()  # half of a character that a console gave
        try:
            encoding = self.tokenizer.encode(text)
        except Exception as error:  # the library raises Exception itself
            raise InputError(f"the text encoder's tokenizer cannot read {text!r:.80}: {error!s:.200}") from None
        ends = [
            end for (_, end), special in zip(encoding.offsets, encoding.special_tokens_mask, strict=True) if not special
        ]
        if not ends:
            raise InputError(f"the text encoder's tokenizer knows no word of {text!r:.80}; give other words")
        read = text[: max(ends)] if encoding.overflowing else text
        return Words(self.features(_inputs(encoding)), read, sum(encoding.attention_mask))

    def features(self, inputs: dict[str, list[int]]) -> np.ndarray:
        """The features [1, d] of the token ids (under the name "") of one text, and their MASK and TYPES."""
        import onnxruntime

        rows = {
            one.name: np.array([inputs.get(one.name, inputs[""])], np.int32 if "int32" in one.type else np.int64)
            for one in self.session.get_inputs()
        }
        options = onnxruntime.RunOptions()
        options.log_severity_level = FATAL  # what fails is raised; it need not be printed too
        (output,) = self.session.run(None, rows, options)
        features: np.ndarray = np.asarray(output, np.float32).reshape(1, -1)
        return features


def tokenizer(content: bytes) -> Tokenizer:
    """A tokenizer of its file's content. Raises Exception, as the library does, for what is none."""
    from tokenizers import Tokenizer

    return Tokenizer.from_str(content.decode())


def _inputs(encoding: Encoding) -> dict[str, list[int]]:
    return {"": encoding.ids, MASK: encoding.attention_mask, TYPES: encoding.type_ids}
