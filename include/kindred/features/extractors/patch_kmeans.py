"""What an image shows of a few hundred patches that k-means learned from the images themselves: no weights, no labels.

Each patch of an image loses its mean and its contrast, is whitened (ZCA) and compared with the learned ones: the
response is max(0, patch @ learned - THRESHOLD). Responses are averaged within the overlapping cells of a grid, each
cell's are divided by their length, their square roots are projected on their principal components, these are partly
whitened, and the whole is brought to length 1, so that Euclidean neighbours are neighbours by cosine too.

Source: A. Coates, H. Lee, A. Ng, An Analysis of Single-Layer Networks in Unsupervised Feature Learning (AISTATS 2011);
A. Coates, A. Ng, Learning Feature Representations with K-means (Neural Networks: Tricks of the Trade, 2012).
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import NodeProto, helper

from kindred.features import onnx_graphs
from kindred.features.onnx_graphs import Constants

IMAGE_SIZE = None
MAX_SIDE_PX = 48  # larger images are shrunk: each pixel costs one comparison with all learned patches
CHANNELS = None
WEIGHTED = False

PATCH_PX = 6
BORDER_PX = 2  # patches reach this far over the edge, where the outermost pixels are repeated; 0: not at all
PATCHES = 300  # that are learned
GRID = 6  # cells a side
CELL_SIGMA = 0.4  # the standard deviation of a cell's Gaussian window, over the distance of two cells
DIMENSIONS = 500  # of the features, at most
NOISE_VARIANCE = (
    10.0  # squared grey levels, added to a patch's variance: flat patches are not blown up to noise; 0: off
)
WHITENING_OFFSET = 0.1  # added to the standard deviations by which patches are divided: bounds their amplification
THRESHOLD = 1.0  # a response counts above it
LENGTH_OFFSET = 0.1  # added to a cell's squared length, as a share of the mean one: empty cells stay small; 0: off
COMPONENT_WHITENING = 0.4  # 0 leaves the components' standard deviations as they are, 1 makes them equal
PATCHES_PER_IMAGE = 30  # that k-means learns from
MIN_PATCHES = 10 * PATCHES  # at least, where there are few images
ITERATIONS = 20
BATCH = 32
MIN_LENGTH = 1e-6  # of a vector that is divided by its length
MIN_VARIANCE_RATIO = 1e-6  # to the first component's: components of less are rounding errors


@dataclass(frozen=True)
class Patches:
    """Learned patches, and what whitens a patch [d], d = px * px * c, before it is compared with them."""

    px: int
    border: int
    mean: np.ndarray  # [d]
    whitening: np.ndarray  # [d, d]
    learned: np.ndarray  # [k, d], each of length 1


@dataclass(frozen=True)
class Projection:
    """What turns balanced responses [n, k * cells] into features [n, m], but for their length."""

    floor: float
    mean: np.ndarray  # [k * cells]
    components: np.ndarray  # [k * cells, m]


def fit_graph(sample: np.ndarray, say: Callable[[str], None]) -> bytes:
    from sklearn import cluster, decomposition  # noqa: F401  loaded first: the limit acts on what is loaded
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # sums are added up in one order, whatever the number of cores
        patches = learn(sample, say)
        return features_graph(sample.shape[1:], patches, project(sample, patches, say))


def learn(images: np.ndarray, say: Callable[[str], None]) -> Patches:
    """Patches by k-means, of images uint8 [n, h, w, c]."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    px = min(PATCH_PX, max(1, min(images.shape[1:3]) // 2))
    border = BORDER_PX * px // PATCH_PX
    say(f"learning {PATCHES} patches of {px} x {px} px from {len(images):,} images")
    patches = normalise(random_patches(images, px, border))
    mean = patches.mean(axis=0)
    variances, axes = np.linalg.eigh((patches - mean).T @ (patches - mean) / len(patches))
    whitening = (axes / (np.sqrt(np.maximum(variances, 0)) + WHITENING_OFFSET)) @ axes.T
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # images of few colours have few different patches
        means = KMeans(PATCHES, init="random", n_init=1, max_iter=ITERATIONS, random_state=0)
        means.fit(_unit((patches - mean) @ whitening))
    return Patches(px, border, mean, whitening, _unit(means.cluster_centers_))


def project(images: np.ndarray, patches: Patches, say: Callable[[str], None]) -> Projection:
    """The principal components of the images' pooled responses."""
    from sklearn.decomposition import PCA

    session = onnx_graphs.session(responses_graph(images.shape[1:], patches))
    batches = [session.run(None, {"images": images[i : i + BATCH]})[0] for i in range(0, len(images), BATCH)]
    responses = np.concatenate(batches)
    floor = max(LENGTH_OFFSET * float(np.square(responses).sum(axis=1).mean()), 1e-12)
    values = balance(responses, floor)
    dimensions = min(DIMENSIONS, *values.shape)
    say(f"projecting {values.shape[1]:,} responses on {dimensions} principal components")
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # images that are all the same have no variance
        pca = PCA(dimensions, random_state=0).fit(values)
    kept = pca.explained_variance_ > MIN_VARIANCE_RATIO * pca.explained_variance_[0]
    kept[0] = True
    scale = np.maximum(pca.explained_variance_[kept], 1e-12) ** (COMPONENT_WHITENING / 2)
    return Projection(floor, pca.mean_, pca.components_[kept].T / scale)


def random_patches(images: np.ndarray, px: int, border: int) -> np.ndarray:
    """Patches [n, px * px * c] from random places of all the images."""
    rng = np.random.default_rng(0)
    padded = np.pad(images, ((0, 0), (border, border), (border, border), (0, 0)), mode="edge")
    count, height, width, _ = padded.shape
    number = max(PATCHES_PER_IMAGE * count, MIN_PATCHES)
    image, top, left = (rng.integers(0, n, number) for n in (count, height - px + 1, width - px + 1))
    rows, columns = top[:, None, None] + np.arange(px)[:, None], left[:, None, None] + np.arange(px)
    return padded[image[:, None, None], rows, columns].reshape(number, -1).astype(np.float32)


def normalise(patches: np.ndarray) -> np.ndarray:
    """Patches [n, d] of mean 0 and, but for NOISE_VARIANCE, variance 1."""
    variance = patches.var(axis=1, keepdims=True) + NOISE_VARIANCE
    return (patches - patches.mean(axis=1, keepdims=True)) / np.sqrt(variance)


def windows(places: int) -> np.ndarray:
    """Weights [places, cells] of the places along one side in each cell; they sum to 1 over the places."""
    cells = min(GRID, places)
    distance = np.arange(places)[:, None] + 0.5 - (np.arange(cells) + 0.5) * places / cells
    weights = np.exp(-0.5 * (distance / (CELL_SIGMA * places / cells)) ** 2)
    return weights / weights.sum(axis=0)


def balance(responses: np.ndarray, floor: float) -> np.ndarray:
    """Pooled responses [n, k, cells] -> [n, k * cells]: the square roots of each cell's, over the cell's length."""
    lengths = np.sqrt(np.square(responses).sum(axis=1, keepdims=True) + np.float32(floor))
    return np.sqrt(responses / lengths).reshape(len(responses), -1)


def responses_graph(shape: tuple[int, ...], patches: Patches) -> bytes:
    """An ONNX graph: images uint8 [n, *shape] -> pooled responses, float32 [n, k, cells]."""
    nodes, constants, cells = _responses(shape, patches)
    return onnx_graphs.extractor_graph(nodes, shape, ("responses", [len(patches.learned), cells]), constants)


def features_graph(shape: tuple[int, ...], patches: Patches, projection: Projection) -> bytes:
    """An ONNX graph: images uint8 [n, *shape] -> features, float32 [n, m]."""
    nodes, constants, _ = _responses(shape, patches)
    nodes += [
        helper.make_node("ReduceSumSquare", ["responses", "second_axis"], ["squared_length"], keepdims=1),
        helper.make_node("Add", ["squared_length", "floor"], ["floored"]),
        helper.make_node("Sqrt", ["floored"], ["length"]),
        helper.make_node("Div", ["responses", "length"], ["balanced"]),
        helper.make_node("Sqrt", ["balanced"], ["roots"]),
        helper.make_node("Flatten", ["roots"], ["flat"], axis=1),
        helper.make_node("Gemm", ["flat", "components", "offset"], ["projected"]),
        helper.make_node("ReduceL2", ["projected", "second_axis"], ["extent"], keepdims=1),
        helper.make_node("Max", ["extent", "tiny"], ["divisor"]),
        helper.make_node("Div", ["projected", "divisor"], ["features"]),
    ]
    constants = {
        **constants,
        "second_axis": np.array([1]),
        "floor": np.float32(projection.floor),
        "components": projection.components.astype(np.float32),
        "tiny": np.float32(MIN_LENGTH),
        "offset": (-projection.mean @ projection.components).astype(np.float32),
    }
    return onnx_graphs.extractor_graph(nodes, shape, ("features", [projection.components.shape[1]]), constants)


def _responses(shape: tuple[int, ...], patches: Patches) -> tuple[list[NodeProto], Constants, int]:
    """The nodes and constants from images to pooled responses, and the number of cells.

    With a patch p, its mean u, its standard deviation s, the whitening's mean m and matrix W, and a learned patch l:
    ((p - u) / s - m) @ W @ l = (p @ f) / s - m @ W @ l, where the filter f is W @ l less its own mean.
    """
    px, border, channels = patches.px, patches.border, shape[2]
    height, width = (side + 2 * border - px + 1 for side in shape[:2])
    aligned = patches.whitening @ patches.learned.T  # [d, k]
    filters = (aligned - aligned.mean(axis=0)).T.reshape(-1, px, px, channels).transpose(0, 3, 1, 2)
    cells = np.einsum("ya,xb->yxab", windows(height), windows(width)).reshape(height * width, -1)
    constants: Constants = {
        "middle": np.float32(128),
        "borders": np.array([0, 0, border, border, 0, 0, border, border]),
        "box": np.full((1, channels, px, px), 1 / (channels * px * px), np.float32),
        "noise": np.float32(NOISE_VARIANCE),
        "filters": filters.astype(np.float32),
        "shift": (-patches.mean @ aligned - THRESHOLD).astype(np.float32)[:, None, None],
        "rows": np.array([0, len(patches.learned), height * width]),
        "cells": cells.astype(np.float32),
    }
    steps: list[tuple[str, list[str], str, dict[str, Any]]] = [
        ("Cast", ["images"], "grey", {"to": 1}),
        ("Sub", ["grey", "middle"], "centred", {}),  # small squares lose fewer digits
        ("Transpose", ["centred"], "channels_first", {"perm": [0, 3, 1, 2]}),
        ("Pad", ["channels_first", "borders"], "padded", {"mode": "edge"}),
        ("Mul", ["padded", "padded"], "squares", {}),
        ("Conv", ["padded", "box"], "mean", {}),
        ("Conv", ["squares", "box"], "mean_square", {}),
        ("Mul", ["mean", "mean"], "squared_mean", {}),
        ("Sub", ["mean_square", "squared_mean"], "difference", {}),
        ("Relu", ["difference"], "variance", {}),
        ("Add", ["variance", "noise"], "noisy", {}),
        ("Sqrt", ["noisy"], "deviation", {}),
        ("Conv", ["padded", "filters"], "products", {}),
        ("Div", ["products", "deviation"], "whitened", {}),
        ("Add", ["whitened", "shift"], "shifted", {}),
        ("Relu", ["shifted"], "rectified", {}),
        ("Reshape", ["rectified", "rows"], "places", {}),
        ("MatMul", ["places", "cells"], "responses", {}),
    ]
    nodes = [helper.make_node(kind, inputs, [output], **settings) for kind, inputs, output, settings in steps]
    return nodes, constants, cells.shape[1]


def _unit(rows: np.ndarray) -> np.ndarray:
    """Rows of length 1; rows of zeros stay."""
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), MIN_LENGTH)
