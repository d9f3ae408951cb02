"""The nearest neighbours of each of many images: candidates from an inverted file on the first principal axes, ranked
by their whole features. The same every time, and with no second copy of the features.

Source: J. Johnson et al., Billion-scale Similarity Search with GPUs (IEEE Transactions on Big Data 2021): the inverted
file; H. Jégou et al., Searching in One Billion Vectors: Re-rank with Source Coding (ICASSP 2011): the ranking.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

AXES = 128
AXES_SAMPLE = 5000  # images that the axes are computed from
NO_VARIANCE = 1e-5  # of the greatest, along an axis
CANDIDATES = 50  # of each image, that are ranked exactly
LISTS_PER_ROOT = 4  # lists of the inverted file, times the root of the number of images
TRAINING_PER_LIST = 64  # images that the lists' centroids are learned from
PROBES = 32  # lists that are searched for each image
BLOCK_ROWS = 256  # images whose candidates' features are held at once: 40 MB of 1,280


def reduced(features: np.ndarray) -> np.ndarray:
    """The unit vectors of features [n, d] about their mean on the first principal axes of a sample of them, float32
    [n, up to AXES]; the unit vectors themselves where they have no more numbers.
    """
    centre = _centre(features)
    if features.shape[1] <= AXES:
        return _unit(features, centre)
    sample = _unit(features[:: max(1, len(features) // AXES_SAMPLE)], centre)
    axes = _axes(sample)
    return np.concatenate([_unit(block, centre) @ axes for block in _blocks(features)])


def _axes(sample: np.ndarray) -> np.ndarray:
    """The first principal axes [d, up to AXES] of a sample [m, d]. Where it has more numbers than images, as of pixels,
    by the smaller matrix.
    """
    if len(sample) >= sample.shape[1]:
        return np.asarray(np.linalg.eigh(sample.T @ sample)[1][:, -AXES:])
    values, vectors = np.linalg.eigh(sample @ sample.T)
    kept = np.flatnonzero(values >= NO_VARIANCE * values[-1])[-AXES:]  # of the others rounding is all
    lengths = np.sqrt(np.maximum(values[kept], np.finfo(np.float32).tiny))  # 0 where all images are alike
    return np.asarray(sample.T @ (vectors[:, kept] / lengths))


def nearest(features: np.ndarray, codes: np.ndarray, k: int, threads: int) -> tuple[np.ndarray, np.ndarray]:
    """For each of the features [n, d] the k of them, itself among them, of the greatest cosine about the mean: cosines
    and rows, [n, k], greatest first. `codes`: what `reduced` makes of them. Where there are fewer candidates, the rest
    is the image itself, with a cosine of -1.
    """
    centre, index = _centre(features), _inverted_file(codes, threads)
    lengths = np.concatenate([_lengths(block - centre) for block in _blocks(features)])

    def block_of(start: int) -> tuple[np.ndarray, np.ndarray]:
        block = slice(start, min(start + BLOCK_ROWS, len(features)))
        found = index.search(codes[block], max(k, CANDIDATES))[1]
        candidates = np.where(found < 0, np.arange(block.start, block.stop)[:, None], found)
        vectors = features[candidates]
        vectors -= centre
        cosines = (vectors @ _unit(features[block], centre)[:, :, None])[:, :, 0] / lengths[candidates]
        cosines[found < 0] = -1
        best = np.argsort(-cosines, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(cosines, best, axis=1), np.take_along_axis(candidates, best, axis=1)

    with ThreadPoolExecutor(threads) as pool:
        parts = list(pool.map(block_of, range(0, len(features), BLOCK_ROWS)))
    return np.concatenate([cosines for cosines, _ in parts]), np.concatenate([rows for _, rows in parts])


def _inverted_file(codes: np.ndarray, threads: int) -> Any:
    """Faiss's index of the codes, with the settings of a search. Each block is searched by one thread."""
    import faiss

    faiss.omp_set_num_threads(threads)
    lists = int(LISTS_PER_ROOT * len(codes) ** 0.5)
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(codes.shape[1]), codes.shape[1], lists, faiss.METRIC_INNER_PRODUCT)
    index.cp.min_points_per_centroid, index.cp.max_points_per_centroid = 1, TRAINING_PER_LIST
    index.train(codes)
    index.add(codes)
    index.nprobe = PROBES
    faiss.omp_set_num_threads(1)
    return index


def _blocks(features: np.ndarray) -> Iterator[np.ndarray]:
    return (features[start : start + BLOCK_ROWS] for start in range(0, len(features), BLOCK_ROWS))


def _centre(features: np.ndarray) -> np.ndarray:
    return np.asarray(features.mean(axis=0, dtype=np.float64), np.float32)


def _lengths(centred: np.ndarray) -> np.ndarray:
    return np.maximum(np.linalg.norm(centred, axis=1), 1e-12)


def _unit(features: np.ndarray, centre: np.ndarray) -> np.ndarray:
    centred = features - centre
    return np.asarray(centred / _lengths(centred)[:, None], np.float32)
