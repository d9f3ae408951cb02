"""Keypoints of a picture by one of OpenCV's detectors."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import cv2


def found(grey: np.ndarray, detector: "cv2.Feature2D", length: int) -> tuple[np.ndarray, np.ndarray]:
    """Points [n, 2], strongest first, and their descriptors of whole numbers, uint8 [n, length]; see
    `detection.Find`.
    """
    import cv2

    cv2.setNumThreads(1)  # of a Spark worker's own core
    points, descriptors = detector.detectAndCompute(grey, None)
    if not len(points):
        return np.empty((0, 2)), np.empty((0, length), np.uint8)
    order = sorted(
        range(len(points)), key=lambda i: (-points[i].response, points[i].pt, points[i].size, points[i].angle)
    )
    return np.array([points[row].pt for row in order]), descriptors[order].astype(np.uint8)
