"""Mini-batch k-means: each step moves the centroids by a small batch of images, so many images cost little.

Source: D. Sculley, Web-Scale K-Means Clustering (WWW 2010); by scikit-learn.
"""

import numpy as np
from threadpoolctl import threadpool_limits

from kindred.learning.pseudo_label_types import Pool

STARTS = 10  # of which the best begins


def clusters(pool: Pool, k: int, seed: int) -> np.ndarray:
    from sklearn.cluster import MiniBatchKMeans

    with threadpool_limits(pool.threads):
        model = MiniBatchKMeans(k, n_init=STARTS, random_state=seed, reassignment_ratio=0)
        return np.asarray(model.fit_predict(np.asarray(pool.features, np.float32)))
