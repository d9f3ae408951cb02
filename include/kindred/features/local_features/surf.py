"""SURF: extrema of the Hessian's determinant at any scale, described by sums of Haar wavelets' answers.

The 64 numbers are stored in half a byte each, in steps of 1/14. Colours are not seen. Source: H. Bay et al., Speeded-Up
Robust Features (Computer Vision and Image Understanding 2008); by mahotas.
"""

import numpy as np

from kindred.features import detection
from kindred.features import keypoints as stored
from kindred.features.keypoints import Keypoints

BINARY = False
BYTES = 32

VALUES = 64  # of a descriptor
STEPS = 14  # of a value from 0 to 1
ZERO = 7  # that a value of 0 is stored as
FIRST_VALUE = 6  # of a row of mahotas': before them y, x, scale, strength, sign and direction


def keypoints(pixels: np.ndarray) -> Keypoints:
    return detection.keypoints(pixels, _found, stored.capacity(BYTES), BYTES)


def _found(grey: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from mahotas.features import surf

    rows = surf.surf(grey, max_points=stored.capacity(BYTES))
    rows = rows[np.lexsort((rows[:, 2], rows[:, 1], rows[:, 0], -rows[:, 3]))]
    numbers = np.clip(np.rint(STEPS * rows[:, FIRST_VALUE:]) + ZERO, 0, stored.TOP).astype(np.uint8)
    return rows[:, 1::-1], stored.packed(numbers)
