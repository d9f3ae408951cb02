"""Three blobs of points with labels, for the tests of pseudo-labels."""

import numpy as np

from kindred.learning.pseudo_label_types import GivenLabels, Pool

CLASSES = 3
LABELS = np.repeat(np.arange(CLASSES), 40)


def features(seed: int = 0, spread: float = 0.6) -> np.ndarray:
    """Points [120, 6] around a corner for each class."""
    rng = np.random.default_rng(seed)
    return (np.eye(6)[LABELS] * 4 + rng.normal(size=(len(LABELS), 6)) * spread).astype(np.float32)


def pool(points: np.ndarray | None = None) -> Pool:
    """Of `features()`, or of other points."""
    return Pool(np.array([f"{i:03d}" for i in range(len(LABELS))]), features() if points is None else points, threads=1)


def given_labels() -> GivenLabels:
    """Four labels of each class, in two folds."""
    rows = np.concatenate([np.flatnonzero(LABELS == c)[:4] for c in range(CLASSES)])
    return GivenLabels(rows, LABELS[rows], np.tile([0, 1], 6))


def right(confidence: float = 0.9) -> np.ndarray:
    """Probabilities [120, 3] of a model that is right everywhere."""
    return np.where(np.eye(CLASSES)[LABELS] == 1, confidence, (1 - confidence) / (CLASSES - 1))


def in_each_view(base: np.ndarray, given: GivenLabels) -> dict[int, np.ndarray]:
    """The same probabilities as the base model of each view."""
    return dict.fromkeys(given.views(), base)
