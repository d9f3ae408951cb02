"""Images as unit vectors whose cosine says how alike they are, by a network of one of `embedders/`."""

from collections.abc import Sequence

import numpy as np

from kindred.features.featurize import Extractor
from kindred.learning import networks, pixel_encoder
from kindred.learning.networks import Network
from kindred.learning.pixel_encoder import PixelEncoder
from kindred.runtime import variants

LABELLED, UNLABELLED = "supcon", "half_whitened"  # what `auto` chooses, by the labels
MIN_LABELS, MIN_PER_CLASS = 100, 10  # from here on labels are enough to learn from: in all, and the median class
BLOCK_ROWS = 8192


def choose(name: str, images_per_class: Sequence[int]) -> str:
    """The embedder's name: `auto` is one that learns from labels where there are enough of them. Raises InputError for
    an unknown one.

    >>> choose("auto", [40, 60, 12]), choose("auto", [90, 5, 5]), choose("auto", [])
    ('supcon', 'half_whitened', 'half_whitened')
    """
    if name != variants.AUTO:
        variants.load("embedder", name)
        return name
    enough = sum(images_per_class) >= MIN_LABELS and np.median(images_per_class) >= MIN_PER_CLASS
    return LABELLED if enough else UNLABELLED


def pixels_shape(name: str, extractor: Extractor) -> tuple[int, int, int] | None:
    """The shape (h, w, c) of the images of which an embedder takes the pixels; None for one that takes any features.
    Raises InputError where the extractor gives no pixels, or those of too small or too large images.
    """
    if not variants.learns_from_pixels(name):
        return None
    for side in (extractor.height, extractor.width):
        variants.check_embedder(name, extractor.name, side)
    return extractor.height, extractor.width, extractor.channels


def from_bytes(content: bytes) -> Network | PixelEncoder:
    """What an embedder has learned, from its file."""
    return pixel_encoder.from_bytes(content) if pixel_encoder.is_encoder(content) else networks.from_bytes(content)


def embed(network: Network | PixelEncoder | None, features: np.ndarray) -> np.ndarray:
    """The embedding of features [n, d] as rows of length 1, float32 [n, k]; rows of zeros stay. Without a network the
    features themselves are the embedding.
    """
    blocks = np.array_split(features, max(1, -(-len(features) // BLOCK_ROWS)))
    return np.concatenate([unit_rows((network or Network(())).outputs(block)).astype(np.float32) for block in blocks])


def unit_rows(rows: np.ndarray) -> np.ndarray:
    """Rows [n, k] divided by their lengths; rows of zeros stay."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
