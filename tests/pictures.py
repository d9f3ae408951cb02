"""Tiny images for tests."""

import base64
import io
from typing import Any

import numpy as np
from PIL import Image

from kindred.data import images
from kindred.data.grey_images import SIDE

HEIC = base64.b64decode(  # 24 x 16 px: red above blue and light grey
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAa1tZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAA"
    "AA5waXRtAAAAAAACAAAAEGlkYXQAAAAAABgAEAAAADhpbG9jAQAAAERAAAIAAQAAAAAAAAHRAAEAAAAAAAAA5gACAAEAAAAAAAAA"
    "AQAAAAAAAAAIAAAAOGlpbmYAAAAAAAIAAAAVaW5mZQIAAAEAAQAAaHZjMQAAAAAVaW5mZQIAAAAAAgAAZ3JpZAAAAADYaXBycAAA"
    "ALZpcGNvAAAAdmh2Y0MBA3AAAAAAAAAAAAAe8AD8/fj4AAAPAyAAAQAYQAEMAf//A3AAAAMAkAAAAwAAAwAeugJAIQABACpCAQED"
    "cAAAAwCQAAADAAADAB6gIIEFluqumubgQEDAgAAAAwCAAAADAIQiAAEABkQBwXPBiQAAABRpc3BlAAAAAAAAAEAAAABAAAAAFGlz"
    "cGUAAAAAAAAAGAAAABAAAAAQcGl4aQAAAAADCAgIAAAAGmlwbWEAAAAAAAAAAgABAoECAAICA4QAAAAaaXJlZgAAAAAAAAAOZGlt"
    "ZwACAAEAAQAAAO5tZGF0AAAA4igBrwYyG+2xgF1Bcvb3F///lkvQ9/bkv5W6XpKrI+Xlf/5J9covwfKt6L8f/GufSS/e5PTPB6Ql"
    "jKsCuKPxJCnRg73OfWGH0J/s6mj19A3prbErtFWzPKD1/zuVeT4APYfWYVN9hm1Fy2GQGweE9tfrz+EbbtAj1AiMgBjhB0D0QPdn"
    "P46zEa3nIzTvlrpu+VEK69XMFlWL15tme1omR+pCHKhfttf9CsYuo7iUB6VRNO953bEIsysU1hyYxUFSyg6L3eU20iYjCWHdvlav"
    "z0rKzQqZ4Hil8mnRk7IrKGMZyTA="
)


def noise(height: int = 8, width: int = 6, channels: int = 3, seed: int = 0) -> np.ndarray:
    """Random pixels, uint8 [height, width, channels]."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


def smooth(height: int, width: int, channels: int) -> np.ndarray:
    """Pixels that change slowly, another way in each channel. uint8 [height, width, channels]."""
    rows, columns = np.linspace(0, 1, height)[:, None], np.linspace(0, 1, width)[None, :]
    planes = [127.5 * (1 + np.sin(2 * rows + (c + 1) * columns)) for c in range(channels)]
    return np.stack(planes, axis=2).astype(np.uint8)


def scene(seed: int, side: int = 64) -> np.ndarray:
    """A picture of its own: coarse random patches, smoothly enlarged. uint8 [side, side, 1]."""
    patches = np.random.default_rng(seed).integers(0, 200, (8, 8, 1), np.uint8)
    return images.fit(patches, (side, side), 1)


def grey_array(pictures: list[np.ndarray]) -> np.ndarray:
    """Pictures as near duplicates are compared, uint8 [n, SIDE, SIDE]."""
    return np.stack([images.fit(picture, (SIDE, SIDE), 1)[:, :, 0] for picture in pictures])


def encoded(picture: np.ndarray | Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """A picture as a file of some kind."""
    if isinstance(picture, np.ndarray):
        picture = Image.fromarray(picture[:, :, 0] if picture.ndim == 3 and picture.shape[2] == 1 else picture)
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()
