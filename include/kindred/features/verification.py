"""Geometric verification: whether two pictures show the same flat thing, or the same thing from about the same side.

Keypoints are paired by their descriptors: the nearest one each way, where the second nearest is clearly farther. The
homography that most pairs agree with is found by MAGSAC++; the pairs that agree are inliers. A homography that no
camera would see (mirrored, extreme in scale or slant, or of inliers on a line) counts for nothing.

Sources: D. Lowe, Distinctive Image Features from Scale-Invariant Keypoints (International Journal of Computer Vision
2004), for the ratio; D. Barath et al., MAGSAC++, a Fast, Reliable and Accurate Robust Estimator (CVPR 2020); Y. Jin et
al., Image Matching Across Wide Baselines (International Journal of Computer Vision 2021), for pairs that are mutual.
"""

from dataclasses import dataclass

import numpy as np

from kindred.features.keypoints import Keypoints

RATIO = 0.8  # of the distances to the nearest and the second nearest, at most; 1 turns the test off
THRESHOLD_PX = 5.0  # from the place where the homography expects a point, in the picture as it was seen
CONFIDENCE = 0.999
MAX_ITERATIONS = 1000
MIN_PAIRS = 4  # that a homography follows from
MAX_SCALE = 10.0  # between the pictures, as seen
MAX_SLANT = 5.0  # how much more one direction is stretched than the other
MIN_SPREAD = 0.01  # of inliers across their main direction, over the picture's longer side: less is a line or a point


@dataclass(frozen=True)
class Verified:
    """How many pairs agree with the homography [3, 3], which leads from px of the one picture to px of the other, and
    which these are: [m, 2] rows of both pictures' keypoints.
    """

    inliers: int
    homography: np.ndarray | None
    pairs: np.ndarray


def verify(one: Keypoints, other: Keypoints, binary: bool, ratio: float = RATIO, mutual: bool = True) -> Verified:
    """The homography from `one` to `other`, whose descriptors are bits (`binary`) or numbers. No inliers, and no
    homography, where there is none. Same input, same answer: the estimator has a random generator of its own.
    """
    import cv2

    pairs = tentative_pairs(one, other, binary, ratio, mutual)
    if len(pairs) < MIN_PAIRS:
        return _nothing()
    start, end = one.points[pairs[:, 0]], other.points[pairs[:, 1]]
    homography, mask = cv2.findHomography(
        start,
        end,
        cv2.USAC_MAGSAC,
        THRESHOLD_PX * other.step_px,
        maxIters=MAX_ITERATIONS,
        confidence=CONFIDENCE,
    )
    if homography is None:
        return _nothing()
    agree = mask[:, 0].astype(bool)
    start, end = start[agree], end[agree]
    if agree.sum() < MIN_PAIRS or on_a_line(start, one.side_px) or on_a_line(end, other.side_px):
        return _nothing()
    if not is_plausible(homography, start, one.side_px / other.side_px):
        return _nothing()
    return Verified(int(agree.sum()), homography, pairs[agree])


def _nothing() -> Verified:
    return Verified(0, None, np.empty((0, 2), int))


def tentative_pairs(one: Keypoints, other: Keypoints, binary: bool, ratio: float, mutual: bool) -> np.ndarray:
    """Rows [m, 2] of the keypoints whose descriptors, bits or packed numbers, are each other's nearest (or, not
    `mutual`, of each of `one` its nearest), nearer than `ratio` times the second nearest of `other`.
    """
    if not len(one) or len(other) < 2:
        return np.empty((0, 2), int)
    distances = hamming(one.descriptors, other.descriptors) if binary else squared_euclidean(one.numbers, other.numbers)
    rows, nearest = np.arange(len(one)), distances.argmin(axis=1)
    accepted = distances.argmin(axis=0)[nearest] == rows if mutual else np.ones(len(one), bool)
    first = distances[rows, nearest].astype(np.float64)
    distances[rows, nearest] = distances.max()
    accepted &= first < (ratio if binary else ratio**2) * distances.min(axis=1)
    return np.stack([rows, nearest], axis=1)[accepted]


def squared_euclidean(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Squared Euclidean distances [n, o] of float32 [n, k] and [o, k]; exact for whole numbers, up to 2^24.

    >>> squared_euclidean(np.array([[0, 3]], np.float32), np.array([[4, 0], [0, 3]], np.float32))
    array([[25.,  0.]], dtype=float32)
    """
    distances = one @ (-2 * other.T)
    distances += np.square(one).sum(axis=1)[:, None]
    distances += np.square(other).sum(axis=1)
    return distances


def hamming(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """How many bits differ, uint16 [n, o], of uint8 [n, k] and [o, k], k a multiple of 8.

    >>> hamming(np.zeros((1, 8), np.uint8), np.full((2, 8), 3, np.uint8))
    array([[16, 16]], dtype=uint16)
    """
    left, right = np.ascontiguousarray(one).view(np.uint64), np.ascontiguousarray(other).view(np.uint64)
    differing, bits = np.zeros((len(one), len(other)), np.uint16), np.empty((len(one), len(other)), np.uint64)
    for column in range(left.shape[1]):
        differing += np.bitwise_count(np.bitwise_xor(left[:, column, None], right[:, column], out=bits))
    return differing


def on_a_line(points: np.ndarray, side_px: int) -> bool:
    """Whether points [n, 2] of a picture hardly differ, or differ in one direction only."""
    across = np.linalg.eigvalsh(np.cov(points.T.astype(np.float64)))[0]
    return bool(across < (MIN_SPREAD * side_px) ** 2)


def is_plausible(homography: np.ndarray, points: np.ndarray, side_ratio: float) -> bool:
    """Whether a camera may see the homography [3, 3] at points [n, 2]: there it neither mirrors nor tears the picture,
    nor is it extreme in scale (once the pictures' sides, whose ratio is given, are made equal) or in slant.
    """
    homogeneous = np.column_stack([points, np.ones(len(points))]) @ homography.T
    depth = homogeneous[:, 2]
    if not np.isfinite(homogeneous).all() or np.abs(depth).min() < 1e-9 or (depth > 0).any() == (depth < 0).any():
        return False
    places = homogeneous[:, :2] / depth[:, None]
    jacobians = (homography[:2, :2] - places[:, :, None] * homography[2, :2]) / depth[:, None, None]
    stretches = np.linalg.svd(jacobians, compute_uv=False) * side_ratio  # [n, 2], the greater one first
    if (np.linalg.det(jacobians) <= 0).any() or (stretches[:, 0] > MAX_SLANT * stretches[:, 1]).any():
        return False
    return bool((stretches < MAX_SCALE).all() and (stretches > 1 / MAX_SCALE).all())
