"""Histograms of oriented gradients, by scikit-image: 9 orientations, about 8 x 8 cells an image, blocks of 2 x 2 cells.

Source: N. Dalal, B. Triggs, Histograms of Oriented Gradients for Human Detection (CVPR 2005).
"""

import numpy as np

IMAGE_SIZE = None
CHANNELS = None
WEIGHTED = False
CELLS = 8  # a side
MIN_CELL_PX = 2  # smaller cells have no gradients of their own


def features(images: np.ndarray) -> np.ndarray:
    from skimage.feature import hog

    cell = tuple(max(MIN_CELL_PX, side // CELLS) for side in images.shape[1:3])
    settings = {"orientations": 9, "pixels_per_cell": cell, "cells_per_block": (2, 2), "channel_axis": 2}
    return np.asarray([hog(image, **settings) for image in images], np.float32)
