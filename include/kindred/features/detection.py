"""How the keypoints of a picture are looked for, whatever finds them: in grey, in a picture that is not too large."""

from collections.abc import Callable

import numpy as np

from kindred.data import images
from kindred.features.keypoints import MAX_SIDE_PX, Keypoints

# Of a picture in grey, uint8 [h, w]: points [n, 2], x and y in px from the middle of the first one, strongest first,
# and their descriptors uint8 [n, length].
Find = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def keypoints(pixels: np.ndarray, find: Find, limit: int, length: int, min_side_px: int = 1) -> Keypoints:
    """The `limit` strongest keypoints of a picture uint8 [h, w, c], with descriptors uint8 [n, length].

    The picture is seen in grey, and shrunk to MAX_SIDE_PX on the longer side; where its shorter side is then below
    `min_side_px`, it has no keypoints. Points are in px of the given picture.
    """
    height, width = pixels.shape[:2]
    scale = max(1.0, max(height, width) / MAX_SIDE_PX)
    seen = max(1, round(height / scale)), max(1, round(width / scale))
    points, descriptors = np.empty((0, 2)), np.empty((0, length), np.uint8)
    if min(seen) >= min_side_px:
        points, descriptors = find(images.fit(pixels, seen, 1)[:, :, 0])
    original = (points[:limit] + 0.5) * [width / seen[1], height / seen[0]] - 0.5
    return Keypoints(original.astype(np.float32), descriptors[:limit], max(height, width))
