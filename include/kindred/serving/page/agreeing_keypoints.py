"""The keypoints of two images that fit one homography, for the page to draw."""

import numpy as np

from kindred.features import verification
from kindred.features.keypoints import Keypoints
from kindred.runtime.errors import InputError
from kindred.search.reranked_search import LocalFeatures
from kindred.serving.bundle import Bundle
from kindred.serving.page.image_rows import Row

MAX_SHOWN = 60  # pairs: more hide the pictures


def local_features(current: Bundle) -> LocalFeatures:
    """Those of a bundle. Raises InputError where it has none."""
    if current.local_features is None:
        raise InputError(f"{current.name} has no keypoints to compare; a run of image_matching with local_features has")
    return current.local_features


def between(current: Bundle, one: Keypoints | None, other: Keypoints | None) -> Row:
    """How many pairs of keypoints of two images fit a homography, whether these are enough to show the same thing, and
    the places of the first pairs [n, 2] in `image` and `other`: x and y over the longer side of each picture.
    """
    known = local_features(current)
    if one is None or other is None:
        return {"inliers": 0, "same": False, "image": [], "other": []}
    found = verification.verify(one, other, known.binary)
    image, beside = (_places(*side) for side in ((one, found.pairs[:, 0]), (other, found.pairs[:, 1])))
    return {"inliers": found.inliers, "same": found.inliers >= known.min_inliers, "image": image, "other": beside}


def _places(keypoints: Keypoints, rows: np.ndarray) -> list[list[float]]:
    places = keypoints.points[rows[:MAX_SHOWN]].astype(np.float64) / keypoints.side_px
    return [[x, y] for x, y in places.round(4).tolist()]
