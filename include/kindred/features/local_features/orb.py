"""ORB: corners of several scales with a direction, described by 256 comparisons of two places each. Four times as small
as SIFT, and quicker. Colours are not seen; pictures below 63 px have no keypoints.

Source: E. Rublee et al., ORB: an Efficient Alternative to SIFT or SURF (ICCV 2011).
"""

import numpy as np

from kindred.features import detection, opencv_keypoints
from kindred.features.keypoints import Keypoints

BINARY = True
BYTES = 32

KEYPOINTS = 500  # at most, OpenCV's own number
MARGIN_PX = 31  # along the edges without keypoints, OpenCV's own too


def keypoints(pixels: np.ndarray) -> Keypoints:
    return detection.keypoints(pixels, _found, KEYPOINTS, BYTES, min_side_px=2 * MARGIN_PX + 1)


def _found(grey: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    import cv2

    return opencv_keypoints.found(grey, cv2.ORB.create(nfeatures=KEYPOINTS, edgeThreshold=MARGIN_PX), BYTES)
