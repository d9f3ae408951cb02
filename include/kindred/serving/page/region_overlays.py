"""Which regions make two images similar.

Features that are the mean over an image's regions split their cosine similarity among these: region (i, j) of one image
contributes f_ij . g / (|f| |g|), with the other's features g, and the mean of all contributions is the similarity
(A. Stylianou et al., Visualizing Deep Similarity Networks, WACV 2019, section 3.1).
"""

import base64
import io

import numpy as np
from PIL import Image

COLOUR = (213, 94, 0)  # vermilion: seen by colour-blind eyes, on grey and on green
MAX_OPACITY = 210  # of 255: the picture shows through


def contributions(regions: np.ndarray, other: np.ndarray) -> np.ndarray:
    """What each region [rows, columns, d] contributes to the cosine similarity with features [d], [rows, columns].

    >>> contributions(np.array([[[1, 0], [0, 1]]]), np.array([1, 0])).round(3).tolist()
    [[1.414, 0.0]]
    """
    regions, other = np.asarray(regions, np.float64), np.asarray(other, np.float64)
    lengths = np.linalg.norm(regions.mean(axis=(0, 1))) * np.linalg.norm(other)
    result: np.ndarray = regions @ other / (lengths or 1)
    return result


def overlays(one: np.ndarray, other: np.ndarray) -> tuple[str, str]:
    """The overlays of two images, given their regions' features [rows, columns, d], as URIs that hold them: the more a
    region contributes, the less transparent it is, on one scale for both.
    """
    both = contributions(one, other.mean(axis=(0, 1))), contributions(other, one.mean(axis=(0, 1)))
    greatest = max(part.max() for part in both)
    first, second = (_overlay(part / greatest if greatest > 0 else part) for part in both)
    return first, second


def _overlay(strength: np.ndarray) -> str:
    pixels = np.empty((*strength.shape, 4), np.uint8)
    pixels[..., :3] = COLOUR
    pixels[..., 3] = np.round(np.clip(strength, 0, 1) ** 2 * MAX_OPACITY)  # squared, so that the strong ones stand out
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
