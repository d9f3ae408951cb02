"""Labels spread over the graph of nearest neighbours, from the known ones to all images.

The classes share what is spread as they share the known labels (class mass normalisation), so that one that lies close
together does not take everything. Sources: D. Zhou et al. (NIPS 2003); X. Zhu et al., Semi-supervised Learning Using
Gaussian Fields (ICML 2003, section 4).
"""

import numpy as np

from kindred.features import neighbours
from kindred.learning.pseudo_label_types import Scene

THRESHOLD = 0.0
SETTINGS = (neighbours.LOCAL_ALPHA, neighbours.ALPHA)  # how far a label reaches


def opinion(scene: Scene, far: float) -> np.ndarray:
    reached = scene.reached(far)
    total = reached.sum(axis=1, keepdims=True)
    shares = np.divide(reached, total, out=np.zeros_like(reached), where=total > 0)
    mass = shares.mean(axis=0)
    wanted = scene.seeds().mean(axis=0)
    shares *= np.divide(wanted, mass, out=np.zeros_like(mass), where=mass > 0)
    total = shares.sum(axis=1, keepdims=True)
    return np.divide(shares, total, out=np.zeros_like(shares), where=total > 0)
