"""Textured pictures, and galleries of them, for tests of image matching."""

import cv2
import numpy as np

from kindred.features.keypoints import Keypoints
from kindred.search.reranking import Gallery, Query


def textured(seed: int, side: int = 256) -> np.ndarray:
    """A picture of random grey discs and patches, uint8 [side, side, 1]."""
    rng = np.random.default_rng(seed)
    picture = np.full((side, side), 128, np.uint8)
    for _ in range(150):
        x, y, size = (int(value) for value in rng.integers(0, side, 3))
        grey = int(rng.integers(0, 256))
        if rng.random() < 0.5:
            cv2.circle(picture, (x, y), 2 + size // 20, grey, -1)
        else:
            cv2.rectangle(picture, (x, y), (x + 4 + size // 12, y + 4 + size // 16), grey, -1)
    return cv2.GaussianBlur(picture, (3, 3), 0)[:, :, None]


def turned(picture: np.ndarray, degrees: float, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """The picture turned about its middle and scaled, on grey, and the homography [3, 3] that does it."""
    side = picture.shape[0]
    affine = cv2.getRotationMatrix2D(((side - 1) / 2, (side - 1) / 2), degrees, scale)
    seen = cv2.warpAffine(picture, affine, (side, side), flags=cv2.INTER_AREA, borderValue=128)
    return seen[:, :, None], np.vstack([affine, [0, 0, 1]])


def moved(homography: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points [n, 2] where the homography [3, 3] leads them."""
    homogeneous = np.column_stack([points, np.ones(len(points))]) @ homography.T
    return homogeneous[:, :2] / homogeneous[:, 2:]


def at(*degrees: float) -> np.ndarray:
    """Unit vectors of the plane in these directions, float32 [n, 2]."""
    radians = np.deg2rad(degrees)
    return np.column_stack([np.cos(radians), np.sin(radians)]).astype(np.float32)


def no_keypoints() -> Keypoints:
    return Keypoints(np.empty((0, 2), np.float32), np.empty((0, 128), np.uint8), 256)


def gallery_at(*degrees: float, keypoints: dict[int, Keypoints] | None = None) -> Gallery:
    """A gallery of vectors in these directions, with the keypoints of some rows and of the others none."""
    return Gallery(at(*degrees), (keypoints or {}).get)


def query_at(degrees: float, keypoints: Keypoints | None = None) -> Query:
    return Query(at(degrees)[0], keypoints)
