"""k-means in feature space, the same every time for the same images."""

from typing import Any

import numpy as np

from kindred.runtime.errors import InputError

ITERATIONS = 25
RESTARTS = 300  # divided by the number of centroids: few of them often start badly, many even that out
SAMPLE_PER_CENTROID = 256  # images: more than that move a centroid no further


def kmeans(features: np.ndarray, k: int, threads: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centroids [k, d], and of each row of the features [n, d] its cluster [n] and its (Euclidean) distance to the
    centroid [n].

    Raises InputError where k is above the number of images.

    >>> points = np.array([[0, 0], [0, 2], [9, 0], [9, 2]], np.float32)
    >>> centroids, clusters, distances = kmeans(points, 2, threads=1)
    >>> sorted(centroids.tolist()), distances.tolist()
    ([[0.0, 1.0], [9.0, 1.0]], [1.0, 1.0, 1.0, 1.0])
    """
    return kmeans_with_losses(features, k, threads, seed)[0]


def kmeans_with_losses(
    features: np.ndarray, k: int, threads: int, seed: int = 0
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], list[float]]:
    """What `kmeans` returns, and the mean squared distance of the images that it learned from after each iteration of
    its best start.
    """
    vectors = np.ascontiguousarray(features, np.float32)
    model = _trained(vectors, k, threads, seed, RESTARTS)
    squares, clusters = model.index.search(vectors, 1)
    sample = min(len(vectors), k * SAMPLE_PER_CENTROID)
    losses = (model.obj / sample).tolist()
    return (model.centroids, clusters[:, 0], np.sqrt(np.maximum(squares[:, 0], 0))), losses


def single_start(features: np.ndarray, k: int, threads: int, seed: int) -> np.ndarray:
    """Centroids [k, d] of one start on features [n, d]: not the best of several, but another one for each seed."""
    return np.asarray(_trained(np.ascontiguousarray(features, np.float32), k, threads, seed, 1).centroids)


def _trained(vectors: np.ndarray, k: int, threads: int, seed: int, restarts: int) -> Any:
    """Faiss's model of the best start, of so many divided by k. Its types are those before the training, so: any."""
    import faiss

    if not 1 <= k <= len(vectors):
        raise InputError(f"{k:,} clusters of {len(vectors):,} images; there must be at least as many images")
    faiss.omp_set_num_threads(threads)
    model = faiss.Kmeans(
        vectors.shape[1],
        k,
        niter=ITERATIONS,
        nredo=max(1, restarts // k),
        seed=seed,
        max_points_per_centroid=SAMPLE_PER_CENTROID,
        min_points_per_centroid=1,
    )
    model.train(vectors)
    return model


def distances(features: np.ndarray, centroids: np.ndarray, threads: int) -> np.ndarray:
    """The Euclidean distance [n, k] of each image [n, d] to each centroid [k, d]."""
    import faiss

    faiss.omp_set_num_threads(threads)
    images, centres = (np.ascontiguousarray(vectors, np.float32) for vectors in (features, centroids))
    return np.sqrt(np.maximum(faiss.pairwise_distances(images, centres), 0))


def representatives(features: np.ndarray, centroids: np.ndarray, threads: int) -> np.ndarray:
    """For each centroid [k, d] the row [k] of the nearest image of the features [n, d], each image at most once."""
    import faiss

    faiss.omp_set_num_threads(threads)
    index = faiss.IndexFlatL2(features.shape[1])
    index.add(np.ascontiguousarray(features, np.float32))
    chosen = np.full(len(centroids), -1)
    taken: set[int] = set()
    unmatched = np.arange(len(centroids))
    k = 1
    while len(unmatched):
        _, rows = index.search(np.ascontiguousarray(centroids[unmatched], np.float32), min(k, len(features)))
        for centroid, candidates in zip(unmatched, rows, strict=True):
            free = next((row for row in candidates if row not in taken), None)
            if free is not None:
                chosen[centroid] = free
                taken.add(int(free))
        unmatched = np.flatnonzero(chosen < 0)
        k *= 4  # a centroid whose nearest images are all taken looks further away
    return chosen
