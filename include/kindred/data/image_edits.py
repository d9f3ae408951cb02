"""The edits that make a near duplicate of an image: encoded again, mirrored, shifted, brightened."""

from collections.abc import Callable

import numpy as np

from kindred.data import images

Edit = Callable[[np.ndarray, float], np.ndarray]  # pixels, a strength from 0 to 1 -> edited pixels of the same size


def reencoded(pixels: np.ndarray, strength: float) -> np.ndarray:
    """As JPEG, at a quality of 95 down to 55."""
    return images.decode(images.encode_jpeg(pixels, round(95 - 40 * strength)))


def mirrored(pixels: np.ndarray, strength: float) -> np.ndarray:
    """Left and right exchanged, whatever the strength."""
    return pixels[:, ::-1]


def shifted(pixels: np.ndarray, strength: float) -> np.ndarray:
    """Moved right and down by a pixel or more, up to a sixteenth; the edge is repeated."""
    height, width = pixels.shape[:2]
    down, right = (max(1, round(strength * length / 16)) for length in (height, width))
    return np.pad(pixels, ((down, 0), (right, 0), (0, 0)), mode="edge")[:height, :width]


def brightened(pixels: np.ndarray, strength: float) -> np.ndarray:
    """By 10 to 40 grey levels."""
    return np.minimum(pixels.astype(np.int16) + round(10 + 30 * strength), 255).astype(np.uint8)


EDITS: dict[str, Edit] = {
    "re-encoded": reencoded,
    "mirrored": mirrored,
    "shifted": shifted,
    "brightened": brightened,
}
