"""k-means of the features, the best of several starts.

Source: S. Lloyd, Least Squares Quantization in PCM (IEEE Transactions on Information Theory 1982).
"""

import numpy as np

from kindred.learning.cluster_splits import split_largest
from kindred.learning.pseudo_label_types import Pool


def clusters(pool: Pool, k: int, seed: int) -> np.ndarray:
    _, cluster = np.unique(pool.clusters(k, seed)[0], return_inverse=True)  # of twins, centroids may have no image
    return split_largest(pool, cluster, k, seed)
