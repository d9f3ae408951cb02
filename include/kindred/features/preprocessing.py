"""What a network of another's making expects of its images: how they are resized, and how their values are scaled."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from PIL import Image

from kindred.data import images
from kindred.runtime.errors import InputError

BILINEAR, BICUBIC = "bilinear", "bicubic"
LAYOUTS = ("NCHW", "NHWC")


@dataclass(frozen=True)
class Preprocessing:
    """Values become (value * scale - mean) / std, value from 0 to 255. `crop` is the part of the shorter side that the
    middle square takes, which is then resized; 0: the whole image is resized (squashed where it is no square).
    """

    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    scale: float = 1 / 255
    interpolation: str = BILINEAR
    crop: float = 0.0
    layout: str = ""  # of an input whose shape does not say it

    @property
    def scales(self) -> bool:
        """Whether it says anything of the values."""
        return (self.mean, self.std, self.scale) != ((0.0,), (1.0,), 1 / 255)


PRESETS = {  # mean and std as published with the weights; resized as in their evaluation
    "clip": Preprocessing(
        (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711), 1 / 255, BICUBIC, 1
    ),
    "imagenet": Preprocessing((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 1 / 255, BICUBIC, 0.875),
    "inception": Preprocessing((0.5,), (0.5,), 1 / 255, BICUBIC, 0),
}


def parse(text: str) -> Preprocessing:
    """What the param `preprocessing` says: a preset's name, or a JSON object of the fields above, which may name a
    `preset` that the others change. Raises InputError in one line.

    >>> parse("clip").interpolation, parse('{"preset": "clip", "crop": 0}').crop
    ('bicubic', 0.0)
    >>> parse("vgg")
    Traceback (most recent call last):
    kindred.runtime.errors.InputError: preprocessing 'vgg' is no preset (clip, imagenet, inception) and no JSON object
    """
    if text in PRESETS:
        return PRESETS[text]
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise InputError(f"preprocessing {text!r:.80} is no preset ({', '.join(PRESETS)}) and no JSON object")
    preset = given.pop("preset", None)
    if preset is not None and preset not in PRESETS:
        raise InputError(f"unknown preset {preset!r:.80} in preprocessing; known: {', '.join(PRESETS)}")
    known = [field.name for field in fields(Preprocessing)]
    if unknown := sorted(set(given) - set(known)):
        raise InputError(f"preprocessing has no {unknown[0]!r:.80}; it takes {', '.join(['preset', *known])}")
    base = PRESETS[preset] if preset else Preprocessing()
    return replace(base, **{name: _checked(name, value) for name, value in given.items()})


def _checked(name: str, value: Any) -> Any:
    """A field's value. Raises InputError for one that it cannot have."""
    if name == "interpolation":
        valid, wanted = value in (BILINEAR, BICUBIC), f"{BILINEAR} or {BICUBIC}"
    elif name == "layout":
        valid, wanted = value in LAYOUTS, " or ".join(LAYOUTS)
    elif name == "crop":
        valid, wanted = _number(value) and 0 <= value <= 1, "a number from 0 to 1"
        value = float(value) if valid else value
    elif name == "scale":
        valid, wanted = _number(value) and value > 0, "a number above 0"
    else:
        values = value if isinstance(value, list) else [value]
        positive = name == "std"
        valid = len(values) in (1, 3) and all(_number(part) and (part > 0 or not positive) for part in values)
        wanted = f"a number or a list of three{' above 0' if positive else ''}"
        value = tuple(map(float, values)) if valid else value
    if not valid:
        raise InputError(f"{name} in preprocessing is {json.dumps(value):.80}; it must be {wanted}")
    return value


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def crop_box(shape: Sequence[int], size: tuple[int, int], crop: float) -> tuple[int, int, int, int]:
    """Top, left, height and width of the middle part, of the proportions of `size`, of an image [h, w, ...].

    >>> crop_box((100, 200, 3), (224, 224), 0.875)
    (6, 56, 88, 88)
    """
    scale = min(shape[0] / size[0], shape[1] / size[1]) * crop
    height, width = (max(1, math.floor(side * scale + 0.5)) for side in size)
    return (shape[0] - height) // 2, (shape[1] - width) // 2, height, width


def fit(
    pixels: np.ndarray, size: tuple[int, int], channels: int, interpolation: str = BILINEAR, crop: float = 0.0
) -> np.ndarray:
    """Pixels, cropped, with the given (height, width) and number of channels, uint8 [h, w, channels]."""
    if crop:
        top, left, height, width = crop_box(pixels.shape, size, crop)
        pixels = pixels[top : top + height, left : left + width]
    if interpolation == BICUBIC and pixels.shape[:2] != size:
        image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else np.ascontiguousarray(pixels))
        pixels = np.asarray(image.resize((size[1], size[0]), Image.Resampling.BICUBIC))
        pixels = pixels[:, :, None] if pixels.ndim == 2 else pixels
    return images.fit(pixels, size, channels)
