"""SIFT: extrema of differences of Gaussians at any scale, described by histograms of gradients as RootSIFT.

RootSIFT is the square root of a descriptor divided by its sum: Euclidean distance is then Hellinger's. Its values are
stored in half a byte each, in steps of 1/48 and at most 15 of them: whole bytes would leave room for half as many
keypoints, of which fewer pictures of the same thing have enough in common. Colours are not seen.

Source: D. Lowe, Distinctive Image Features from Scale-Invariant Keypoints (International Journal of Computer Vision
2004); R. Arandjelovic, A. Zisserman, Three Things Everyone Should Know to Improve Object Retrieval (CVPR 2012).
"""

import numpy as np

from kindred.features import detection, opencv_keypoints
from kindred.features import keypoints as stored
from kindred.features.keypoints import Keypoints

BINARY = False
BYTES = 64

VALUES = 128  # of a descriptor
STEPS = 48  # of a value from 0 to 1


def keypoints(pixels: np.ndarray) -> Keypoints:
    return detection.keypoints(pixels, _found, stored.capacity(BYTES), BYTES)


def _found(grey: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    import cv2

    detector = cv2.SIFT.create(nfeatures=stored.capacity(BYTES))
    points, descriptors = opencv_keypoints.found(grey, detector, VALUES)
    return points, stored.packed(root_sift(descriptors))


def root_sift(descriptors: np.ndarray) -> np.ndarray:
    """RootSIFT, uint8 [n, 128], of SIFT descriptors [n, 128]; zeros stay zeros.

    >>> root_sift(np.array([[0, 0, 10, 990], [1, 1, 1, 1]]))
    array([[ 0,  0,  5, 15],
           [15, 15, 15, 15]], dtype=uint8)
    """
    sums = np.maximum(descriptors.sum(axis=1, keepdims=True, dtype=np.float32), 1)
    return np.minimum(np.rint(STEPS * np.sqrt(descriptors / sums)), stored.TOP).astype(np.uint8)
