"""Images with several labels: which classes are known of an image, which of them are present, and losses over them.
Absent is not unknown: a pair of image and class that is not known is in no fit and in no score.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

MIN_PROBABILITY = 1e-7  # a class held for impossible that is there costs 16


@dataclass(frozen=True)
class Labels:
    """Of n images and k classes: whether a class is known of an image, and whether it is present, bool [n, k]. Where a
    class is not known, `present` is not read.

    >>> labels = Labels(known=np.array([[True, False]]), present=np.array([[True, False]]))
    >>> labels.shares().tolist()
    [1.0, 0.5]
    """

    known: np.ndarray
    present: np.ndarray

    def __len__(self) -> int:
        return len(self.known)

    def of(self, rows: np.ndarray) -> "Labels":
        """Those of some images: their numbers, or a mask [n]."""
        return Labels(self.known[rows], self.present[rows])

    def shares(self) -> np.ndarray:
        """The share of the images of which a class is known that have it, [k]; half where it is known of none."""
        counts = self.known.sum(axis=0)
        return np.where(counts > 0, (self.present & self.known).sum(axis=0) / np.maximum(counts, 1), 0.5)


def of_rows(rows: pa.Table, ids: Sequence[str] | np.ndarray, classes: Sequence[str]) -> Labels:
    """Those of some images and classes, in their order, from rows of a table of labels (image_id, label, present).

    >>> rows = pa.table({"image_id": ["b"], "label": ["sea"], "present": [True]})
    >>> of_rows(rows, ["a", "b"], ["sea", "trees"]).known.tolist()
    [[False, False], [True, False]]
    """
    of_image, of_class = (
        pc.index_in(rows[name], value_set=pa.array(values, pa.string()))
        for name, values in (("image_id", ids), ("label", classes))
    )
    wanted = pc.and_(pc.is_valid(of_image), pc.is_valid(of_class))
    image, label, there = (
        column.filter(wanted).to_numpy(zero_copy_only=False) for column in (of_image, of_class, rows["present"])
    )
    known, present = np.zeros((2, len(ids), len(classes)), bool)
    known[image, label], present[image, label] = True, there
    return Labels(known, present)


def joined(one: Labels, other: Labels) -> Labels:
    """Those of both, one after the other."""
    return Labels(np.vstack([one.known, other.known]), np.vstack([one.present, other.present]))


def log_losses(values: np.ndarray, labels: Labels) -> np.ndarray:
    """The mean log loss [n] of probabilities [n, k] over the classes that are known of an image; 0 where none is."""
    kept = np.clip(values, MIN_PROBABILITY, 1 - MIN_PROBABILITY)
    return _means_over_known(-np.log(np.where(labels.present, kept, 1 - kept)), labels)


def brier_scores(values: np.ndarray, labels: Labels) -> np.ndarray:
    """The same of the squared distance to the truth.

    >>> brier_scores(np.array([[0.5, 1.0]]), Labels(np.ones((1, 2), bool), np.array([[True, False]]))).tolist()
    [0.625]
    """
    return _means_over_known((values - labels.present) ** 2, labels)


def shares_right(values: np.ndarray, thresholds: np.ndarray, labels: Labels) -> np.ndarray:
    """The share [n] of the classes that are known of an image of which probabilities [n, k] are on the right side of
    the thresholds [k].
    """
    return _means_over_known((values >= thresholds) == labels.present, labels)


def _means_over_known(values: np.ndarray, labels: Labels) -> np.ndarray:
    means: np.ndarray = (values * labels.known).sum(axis=1) / np.maximum(labels.known.sum(axis=1), 1)
    return means
