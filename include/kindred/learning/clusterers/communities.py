"""Communities of the graph of nearest neighbours, by the Louvain method: groups of images that have more links among
each other than in a random graph of the same degrees. The resolution that gives k of them is found by bisection.

Source: V. Blondel et al., Fast Unfolding of Communities in Large Networks (J. Stat. Mech. 2008); the resolution as in
J. Reichardt, S. Bornholdt, Statistical Mechanics of Community Detection (Physical Review E 2006).
"""

import numpy as np

from kindred.learning.pseudo_label_types import Pool

ATTEMPTS = 12  # at a resolution, doubled or halved, then bisected
FACTOR = 2.0


def clusters(pool: Pool, k: int, seed: int) -> np.ndarray:
    """The communities at the resolution that gives k, or the most below k."""
    best = np.zeros(len(pool.ids), dtype=int)
    low, high = 0.0, np.inf  # resolutions that gave too few and too many
    resolution = 1.0
    for _ in range(ATTEMPTS):
        found = at_resolution(pool, resolution, seed)
        count = int(found.max()) + 1
        if best.max() < found.max() < k:
            best = found
        if count == k:
            break
        if count < k:
            low = resolution
        else:
            high = resolution
        resolution = resolution * FACTOR if high == np.inf else resolution / FACTOR if not low else np.sqrt(low * high)
    return best


def at_resolution(pool: Pool, resolution: float, seed: int) -> np.ndarray:
    """The community of each image [n]."""
    from sknetwork.clustering import Louvain

    if not pool.affinities.nnz:  # nothing is linked
        return np.arange(len(pool.ids))
    return np.asarray(Louvain(resolution=resolution, random_state=seed).fit_predict(pool.affinities), dtype=int)


def modularity(pool: Pool, clusters: np.ndarray) -> float:
    """By how much more of the graph's weight lies within the clusters [n] than in a random graph of the same degrees;
    0 where nothing is linked.
    """
    from sknetwork.clustering import get_modularity

    return float(get_modularity(pool.affinities, clusters)) if pool.affinities.nnz else 0.0
