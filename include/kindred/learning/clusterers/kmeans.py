"""k-means of the features, the best of several starts.

Source: S. Lloyd, Least Squares Quantization in PCM (IEEE Transactions on Information Theory 1982).
"""

import numpy as np

from kindred.learning.pseudo_label_types import Pool


def clusters(pool: Pool, k: int, seed: int) -> np.ndarray:
    return pool.clusters(k, seed)[0]
