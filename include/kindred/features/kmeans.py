"""k-means in feature space, the same every time for the same images."""

import numpy as np

from kindred.runtime.errors import InputError

STEPS = 25
TRIES = 300  # shared out among the centroids: few of them often start badly, many even that out
SAMPLE_PER_CENTROID = 256  # more images than that move a centroid no further


def kmeans(features: np.ndarray, k: int, threads: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centroids [k, d], and of each row its cluster [n] and its (Euclidean) distance to the centroid [n].

    Raises InputError where k is above the number of images.
    """
    return kmeans_and_course(features, k, threads, seed)[0]


def kmeans_and_course(
    features: np.ndarray, k: int, threads: int, seed: int = 0
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], list[float]]:
    """What `kmeans` gives, and the mean squared distance of the images that it learned from after each step of its best
    try.
    """
    import faiss

    if not 1 <= k <= len(features):
        raise InputError(f"{k:,} clusters of {len(features):,} images; there must be at least as many images")
    faiss.omp_set_num_threads(threads)
    vectors = np.ascontiguousarray(features, np.float32)
    model = faiss.Kmeans(
        vectors.shape[1],
        k,
        niter=STEPS,
        nredo=max(1, TRIES // k),
        seed=seed,
        max_points_per_centroid=SAMPLE_PER_CENTROID,
        min_points_per_centroid=1,
    )
    model.train(vectors)
    squares, cluster = model.index.search(vectors, 1)
    learned_from = min(len(vectors), k * SAMPLE_PER_CENTROID)
    course = (model.obj / learned_from).tolist()
    return (model.centroids, cluster[:, 0], np.sqrt(np.maximum(squares[:, 0], 0))), course


def distances(features: np.ndarray, centroids: np.ndarray, threads: int) -> np.ndarray:
    """The Euclidean distance [n, k] of each image [n, d] to each centroid [k, d]."""
    import faiss

    faiss.omp_set_num_threads(threads)
    arrays = (np.ascontiguousarray(vectors, np.float32) for vectors in (features, centroids))
    return np.sqrt(np.maximum(faiss.pairwise_distances(*arrays), 0))


def representatives(features: np.ndarray, centroids: np.ndarray, threads: int) -> np.ndarray:
    """For each centroid the row of the nearest image, each image at most once."""
    import faiss

    faiss.omp_set_num_threads(threads)
    index = faiss.IndexFlatL2(features.shape[1])
    index.add(np.ascontiguousarray(features, np.float32))
    chosen = np.full(len(centroids), -1)
    taken: set[int] = set()
    wanted = np.arange(len(centroids))
    k = 1
    while len(wanted):
        _, rows = index.search(np.ascontiguousarray(centroids[wanted], np.float32), min(k, len(features)))
        for centroid, candidates in zip(wanted, rows, strict=True):
            free = next((row for row in candidates if row not in taken), None)
            if free is not None:
                chosen[centroid] = free
                taken.add(int(free))
        wanted = np.flatnonzero(chosen < 0)
        k *= 4
    return chosen
