"""Small galleries for the tests of the search."""

import functools

import numpy as np

from kindred.search import image_index
from kindred.search.image_index import Index
from kindred.search.shards import Images

CLASSES = ["a", "b", "c"]
WIDE = 200  # features that are shortened to be screened


def images(count: int, width: int = 4, seed: int = 0, start: int = 0) -> Images:
    """Images 000, 001 ... of which every third is of the split `train`, every sixth has a given label, and those after
    the 30th are of another dataset. Every fifth has no origin.
    """
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(5, width)) * 2
    features = centres[np.arange(count) % 5] + rng.normal(size=(count, width))
    return Images(
        features.astype(np.float32),
        rng.dirichlet(np.ones(3) * 0.3, count).astype(np.float32),
        [f"{start + i:03d}" for i in range(count)],
        ["train" if i % 3 == 0 else "unlabeled" for i in range(count)],
        ["first" if i <= 30 else "second" for i in range(count)],
        ["a" if i % 6 == 0 else None for i in range(count)],
        [None if i % 5 == 0 else f"file:///photos/{'é' * (i % 7)}{start + i}.jpg" for i in range(count)],
    )


@functools.cache
def index(count: int = 50, width: int = 4) -> Index:
    """Of `images`; one for all tests, as an index is a value."""
    return image_index.build(images(count, width), CLASSES)


def on_a_line(*places: float) -> Index:
    """Images on a line, named a, b, c ..."""
    names = [chr(ord("a") + i) for i in range(len(places))]
    return image_index.build(
        Images(
            np.array(places, np.float32)[:, None],
            np.ones((len(places), 1), np.float32),
            names,
            ["unlabeled"] * len(names),
            ["line"] * len(names),
        ),
        ["only"],
    )
