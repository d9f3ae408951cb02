"""k-means as a network that learns by competition: of k neurons that one wins whose weights are nearest to the image,
and it alone moves towards the image, less with each image that it has won.

Sources: D. Rumelhart, D. Zipser, Feature Discovery by Competitive Learning (Cognitive Science 1985); the rate as in J.
MacQueen, Some Methods for Classification and Analysis of Multivariate Observations (Berkeley Symposium 1967).
"""

import numpy as np

from kindred.features import kmeans
from kindred.learning.pseudo_label_types import Pool

EPOCHS = 5  # over all images, each in another order


def clusters(pool: Pool, k: int, seed: int) -> np.ndarray:
    from sklearn.cluster import kmeans_plusplus

    features, rng = np.asarray(pool.features, np.float32), np.random.default_rng(seed)
    neurons, _ = kmeans_plusplus(features, k, random_state=seed)
    for _ in range(EPOCHS):
        won = np.ones(k)
        for image in features[rng.permutation(len(features))]:
            winner = int(((neurons - image) ** 2).sum(axis=1).argmin())
            won[winner] += 1
            neurons[winner] += (image - neurons[winner]) / won[winner]
    return np.asarray(kmeans.distances(features, neurons, pool.threads).argmin(axis=1))
