"""A mixture of normal distributions of the features on their principal axes, with one covariance for all.

Source: G. McLachlan, D. Peel, Finite Mixture Models (2000, section 3); by scikit-learn. One covariance, as few images
a cluster do not tell the covariances of many axes apart.
"""

import numpy as np
from threadpoolctl import threadpool_limits

from kindred.learning.pseudo_label_types import Pool

MAX_CLUSTERS = 200
REGULARISATION = 1e-4  # added to the variances, of unit vectors


def clusters(pool: Pool, k: int, seed: int) -> np.ndarray:
    from sklearn.mixture import GaussianMixture

    _, start = np.unique(pool.clusters(k, seed)[0], return_inverse=True)
    vectors = np.asarray(pool.reduced, np.float64)
    centres = np.stack([vectors[start == number].mean(axis=0) for number in range(int(start.max()) + 1)])
    with threadpool_limits(pool.threads):
        model = GaussianMixture(
            len(centres), covariance_type="tied", reg_covar=REGULARISATION, means_init=centres, random_state=seed
        )
        return np.asarray(model.fit_predict(vectors))
