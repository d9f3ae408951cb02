"""Out-of-distribution detection in new images: of none of the known classes are those farther from the images with a
given label than these are from each other. (With pseudo-labelled images among the references fewer are detected: some
of those are of unknown classes.)

Source: Y. Sun et al., Out-of-Distribution Detection with Deep Nearest Neighbors (ICML 2022): the distance to near
neighbours among normalised features. The threshold is conformal (V. Vovk et al., Algorithmic Learning in a Random
World, 2005): a new image of a known class is above it with a probability of at most FALSE_ALARM_RATE.
"""

import io
from dataclasses import dataclass

import numpy as np

from kindred.features import neighbours
from kindred.learning.novelty import FALSE_ALARM_RATE

MAX_REFERENCES = 4096  # given images that are kept, those of the first ids


@dataclass(frozen=True)
class KnownClasses:
    """`centre` [d] of all images that were learned from; `references` [r, d], given images as unit vectors about
    it, float16; `threshold` of the distance.
    """

    centre: np.ndarray
    references: np.ndarray
    threshold: float

    def none_of_these(self, features: np.ndarray) -> np.ndarray:
        """Which images, by their features [n, d], are probably of none of the classes, bool [n]."""
        return self.distances(features) > self.threshold

    def distances(self, features: np.ndarray) -> np.ndarray:
        """One minus the mean cosine to the neighbours.NEIGHBOURS nearest references, [n]."""
        cosines = neighbours.unit_vectors(features, self.centre) @ self.references.astype(np.float32).T
        return _mean_distance(cosines)

    def to_bytes(self) -> bytes:
        """As a .npz file."""
        file = io.BytesIO()
        np.savez(file, centre=self.centre, references=self.references, threshold=self.threshold)
        return file.getvalue()


def from_bytes(content: bytes) -> KnownClasses:
    """What `to_bytes` has written."""
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return KnownClasses(arrays["centre"], arrays["references"], float(arrays["threshold"]))


def learn(features: np.ndarray, given: np.ndarray) -> KnownClasses | None:
    """From the features [n, d] of all images that were learned from, and the rows of those with a given label. None
    where these are too few for the threshold.

    >>> rng = np.random.default_rng(0)
    >>> two_classes = rng.normal(np.tile([[5, 0, 0], [0, 5, 0]], (40, 1)), 0.1)
    >>> known = learn(two_classes, given=np.arange(50))
    >>> known.none_of_these(np.array([[5, 0, 0], [0, 5, 0], [0, 0, 5]])).tolist()
    [False, False, True]
    >>> learn(two_classes, given=np.arange(9))  # too few for the threshold
    """
    given = given[:MAX_REFERENCES]
    rank = int(np.ceil((len(given) + 1) * (1 - FALSE_ALARM_RATE)))
    if rank > len(given):
        return None
    centre = features.mean(axis=0, dtype=np.float64).astype(np.float32)
    references = neighbours.unit_vectors(features[given], centre).astype(np.float16)
    vectors = references.astype(np.float32)  # as they will be read
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -np.inf)  # a new image is not among the references
    return KnownClasses(centre, references, float(np.sort(_mean_distance(cosines))[rank - 1]))


def _mean_distance(cosines: np.ndarray) -> np.ndarray:
    k = min(neighbours.NEIGHBOURS, cosines.shape[1] - 1)
    nearest = np.partition(cosines, -k, axis=1)[:, -k:]
    return np.asarray(1 - nearest.mean(axis=1))
