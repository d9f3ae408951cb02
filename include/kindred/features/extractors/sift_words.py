"""How often an image shows each of 500 visual words: SIFT descriptors on a grid, which k-means has grouped.

Each place of a grid gets a descriptor (by OpenCV, upright, of one scale); its square root after division by its sum is
RootSIFT. It counts for the nearest word of a vocabulary, which mini-batch k-means learned from the images themselves;
places without any gradient count for none. The features are the square roots of the words' shares of the places, so
that Euclidean distance is Hellinger's. Colours are not seen.

Source: D. Lowe, Distinctive Image Features from Scale-Invariant Keypoints (International Journal of Computer Vision
2004); J. Sivic, A. Zisserman, Video Google (ICCV 2003); G. Csurka et al., Visual Categorization with Bags of Keypoints
(ECCV workshop 2004); R. Arandjelovic, A. Zisserman, Three Things Everyone Should Know to Improve Object Retrieval (CVPR
2012), for RootSIFT.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from kindred.features import onnx_graphs
from kindred.features.onnx_graphs import Constants

IMAGE_SIZE = 96
CHANNELS = 1
WEIGHTED = False
PACKAGES = ("opencv-python-headless",)

STEP_PX = 4  # between the places of the grid
PATCH_PX = 16  # that a descriptor sees: 4 x 4 cells of 4 px
SIGMA_PX = 0.6  # of the blur before gradients are taken; Lowe's 1.6 leaves little of an image of 96 px
WORDS = 500  # at most
VOCABULARY_IMAGES = 1000  # at most, that the vocabulary is learned from, of those that are given
DESCRIPTORS_PER_IMAGE = 100  # at most, of each
BATCH = 4096  # descriptors a step of mini-batch k-means
EPOCHS = 30
DIMENSIONS = 128  # of a descriptor


def local_features(images: np.ndarray) -> np.ndarray:
    """Descriptors uint8 [n, places, 128] of images uint8 [n, h, w, 1]."""
    import cv2

    cv2.setNumThreads(1)  # of a Spark worker's own core
    sift = cv2.SIFT.create(sigma=SIGMA_PX)
    diameter = PATCH_PX / 6  # OpenCV's cells are one and a half times a keypoint's diameter
    rows, columns = (centres(side) for side in images.shape[1:3])
    places = [cv2.KeyPoint(x, y, diameter, 0) for y in rows for x in columns]
    return np.stack([sift.compute(np.ascontiguousarray(image), places)[1].astype(np.uint8) for image in images])


def centres(side: int) -> list[float]:
    """The places along a side, in px.

    >>> centres(15)
    [2.5, 7.5, 12.5]
    """
    count = max(1, side // STEP_PX)
    return [(i + 0.5) * side / count for i in range(count)]


def fit_graph(sample: np.ndarray, say: Callable[[str], None]) -> bytes:
    chosen = sample[np.linspace(0, len(sample) - 1, min(VOCABULARY_IMAGES, len(sample))).astype(int)]
    say(f"learning {WORDS} visual words from {len(chosen):,} images")
    places = int(np.prod([len(centres(side)) for side in sample.shape[1:3]]))
    return words_graph(places, learn(some_descriptors(chosen)))


def some_descriptors(images: np.ndarray) -> np.ndarray:
    """Descriptors [m, 128] from random places of each image, but for those without a gradient."""
    rng = np.random.default_rng(0)
    kept = []
    for image in images:
        [descriptors] = local_features(image[None])
        kept.append(descriptors[rng.permutation(len(descriptors))[:DESCRIPTORS_PER_IMAGE]])
    found = np.concatenate(kept)
    return found[found.any(axis=1)]


def learn(descriptors: np.ndarray) -> np.ndarray:
    """The vocabulary [words, 128] of descriptors [m, 128]: means of their RootSIFT; one word where there are none."""
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    if not len(descriptors):
        return np.zeros((1, DIMENSIONS), np.float32)
    roots = np.sqrt(descriptors / descriptors.sum(axis=1, keepdims=True, dtype=np.float32))
    settings = {"batch_size": BATCH, "max_iter": EPOCHS, "n_init": 1, "random_state": 0}
    with threadpool_limits(1), warnings.catch_warnings():  # sums are added up in one order
        warnings.simplefilter("ignore", ConvergenceWarning)  # plain images have few different descriptors
        means = MiniBatchKMeans(min(WORDS, len(roots)), **settings).fit(roots)
    return np.asarray(means.cluster_centers_, np.float32)


def words_graph(places: int, vocabulary: np.ndarray) -> bytes:
    """An ONNX graph: descriptors uint8 [n, places, 128] -> features float32 [n, words].

    The word w nearest to a descriptor d has the largest d @ w - |w|^2 / 2.
    """
    steps: list[tuple[str, list[str], str, dict[str, Any]]] = [
        ("Cast", ["images"], "descriptors", {"to": TensorProto.FLOAT}),
        ("ReduceSum", ["descriptors", "last_axis"], "sums", {"keepdims": 1}),
        ("Max", ["sums", "one"], "divisors", {}),
        ("Div", ["descriptors", "divisors"], "shares", {}),
        ("Sqrt", ["shares"], "roots", {}),
        ("MatMul", ["roots", "words"], "products", {}),
        ("Sub", ["products", "half_squares"], "scores", {}),
        ("ArgMax", ["scores"], "nearest", {"axis": 2, "keepdims": 0}),
        ("Squeeze", ["sums", "last_axis"], "strengths", {}),
        ("Min", ["strengths", "one"], "counted", {}),  # 0 where there is no gradient, else 1
        ("Shape", ["images"], "count", {"start": 0, "end": 1}),
        ("Concat", ["count", "width"], "histogram_shape", {"axis": 0}),
        ("Expand", ["zero", "histogram_shape"], "empty", {}),
        ("ScatterElements", ["empty", "nearest", "counted"], "counts", {"axis": 1, "reduction": "add"}),
        ("ReduceSum", ["counts", "second_axis"], "all_counted", {"keepdims": 1}),
        ("Max", ["all_counted", "one"], "total", {}),
        ("Div", ["counts", "total"], "frequencies", {}),
        ("Sqrt", ["frequencies"], "features", {}),
    ]
    nodes = [helper.make_node(kind, inputs, [output], **settings) for kind, inputs, output, settings in steps]
    constants: Constants = {
        "last_axis": np.array([2]),
        "second_axis": np.array([1]),
        "zero": np.float32(0),
        "one": np.float32(1),
        "words": np.ascontiguousarray(vocabulary.T),
        "half_squares": (np.square(vocabulary).sum(axis=1) / 2).astype(np.float32),
        "width": np.array([len(vocabulary)]),
    }
    return onnx_graphs.extractor_graph(nodes, (places, DIMENSIONS), ("features", [len(vocabulary)]), constants)
