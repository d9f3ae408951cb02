"""Keypoints of a picture by one of OpenCV's detectors."""

from typing import TYPE_CHECKING

import numpy as np

from kindred.data import images
from kindred.features.keypoints import MAX_SIDE_PX, Keypoints

if TYPE_CHECKING:
    import cv2


def detect(pixels: np.ndarray, detector: "cv2.Feature2D", limit: int, length: int, min_side_px: int = 1) -> Keypoints:
    """The `limit` strongest keypoints of a picture uint8 [h, w, c], with descriptors uint8 [n, length].

    The picture is seen in grey, and shrunk to MAX_SIDE_PX on the longer side; where its shorter side is then below
    `min_side_px`, it has no keypoints. Points are in px of the given picture.
    """
    import cv2

    cv2.setNumThreads(1)  # of a Spark worker's own core
    height, width = pixels.shape[:2]
    scale = max(1.0, max(height, width) / MAX_SIDE_PX)
    seen = max(1, round(height / scale)), max(1, round(width / scale))
    nothing = Keypoints(np.empty((0, 2), np.float32), np.empty((0, length), np.uint8), max(height, width))
    if min(seen) < min_side_px:
        return nothing
    found, descriptors = detector.detectAndCompute(images.fit(pixels, seen, 1)[:, :, 0], None)
    if not len(found):
        return nothing
    order = sorted(range(len(found)), key=lambda i: (-found[i].response, found[i].pt, found[i].size, found[i].angle))
    rows = np.array(order[:limit])
    points = np.array([found[row].pt for row in rows]) + 0.5  # OpenCV counts from the middle of the first pixel
    original = points * [width / seen[1], height / seen[0]] - 0.5
    return Keypoints(original.astype(np.float32), descriptors[rows].astype(np.uint8), max(height, width))
