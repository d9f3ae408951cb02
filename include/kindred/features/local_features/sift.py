"""SIFT: extrema of differences of Gaussians at any scale, described by histograms of gradients as RootSIFT.

RootSIFT is the square root of a descriptor divided by its sum: Euclidean distance is then Hellinger's. Its values are
stored as bytes, in steps of 1/512 and at most 255 of them, as SIFT's own are. Colours are not seen.

Source: D. Lowe, Distinctive Image Features from Scale-Invariant Keypoints (International Journal of Computer Vision
2004); R. Arandjelovic, A. Zisserman, Three Things Everyone Should Know to Improve Object Retrieval (CVPR 2012).
"""

import numpy as np

from kindred.features import keypoints as stored
from kindred.features import opencv_keypoints
from kindred.features.keypoints import Keypoints

BINARY = False
DIMENSIONS = 128
PACKAGES = ("opencv-python-headless",)

STEPS = 512  # of a value from 0 to 1


def keypoints(pixels: np.ndarray) -> Keypoints:
    import cv2

    limit = stored.capacity(DIMENSIONS)
    found = opencv_keypoints.detect(pixels, cv2.SIFT.create(nfeatures=limit), limit, DIMENSIONS)
    return Keypoints(found.points, root_sift(found.descriptors), found.side_px)


def root_sift(descriptors: np.ndarray) -> np.ndarray:
    """RootSIFT, uint8 [n, 128], of SIFT descriptors [n, 128]; zeros stay zeros.

    >>> root_sift(np.array([[0, 0, 10, 90], [1, 1, 1, 1]]))
    array([[  0,   0, 162, 255],
           [255, 255, 255, 255]], dtype=uint8)
    """
    sums = np.maximum(descriptors.sum(axis=1, keepdims=True, dtype=np.float32), 1)
    return np.minimum(np.rint(STEPS * np.sqrt(descriptors / sums)), 255).astype(np.uint8)
