"""Label spreading: the known labels spread over the graph of nearest neighbours to all images.

The classes share the label mass as they share the known labels (class mass normalisation), so that one whose images lie
close together does not take everything. Sources: D. Zhou et al., Learning with Local and Global Consistency (NIPS
2003); X. Zhu et al., Semi-supervised Learning Using Gaussian Fields (ICML 2003, section 4).
"""

import numpy as np

from kindred.features import neighbours
from kindred.learning.pseudo_label_types import View

THRESHOLD = 0.0
SETTINGS = (neighbours.ALPHA, neighbours.LOCAL_ALPHA)  # the share of a label that an image passes on


def probabilities(view: View, alpha: float) -> np.ndarray:
    spread = view.spread_labels(alpha)
    total = spread.sum(axis=1, keepdims=True)
    shares = np.divide(spread, total, out=np.zeros_like(spread), where=total > 0)
    mass = shares.mean(axis=0)
    known_mass = view.one_hot().mean(axis=0)
    shares *= np.divide(known_mass, mass, out=np.zeros_like(mass), where=mass > 0)
    total = shares.sum(axis=1, keepdims=True)
    return np.divide(shares, total, out=np.zeros_like(shares), where=total > 0)
