"""ORB: corners of several scales with a direction, described by 256 comparisons of two places each. Four times as small
as SIFT, and quicker. Colours are not seen; pictures below 63 px have no keypoints.

Source: E. Rublee et al., ORB: an Efficient Alternative to SIFT or SURF (ICCV 2011).
"""

import numpy as np

from kindred.features import opencv_keypoints
from kindred.features.keypoints import Keypoints

BINARY = True
BYTES = 32
PACKAGES = ("opencv-python-headless",)

KEYPOINTS = 500  # at most, OpenCV's own number
MARGIN_PX = 31  # along the edges without keypoints, OpenCV's own too


def keypoints(pixels: np.ndarray) -> Keypoints:
    import cv2

    detector = cv2.ORB.create(nfeatures=KEYPOINTS, edgeThreshold=MARGIN_PX)
    return opencv_keypoints.detect(pixels, detector, KEYPOINTS, BYTES, min_side_px=2 * MARGIN_PX + 1)
