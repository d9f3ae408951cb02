"""An image's pixels, projected on the first principal components of a sample's: of faces these are eigenfaces.

Not whitened: the first components, which say most of the pixels, count most.

Source: M. Turk, A. Pentland, Eigenfaces for Recognition (Journal of Cognitive Neuroscience 1991).
"""

import warnings
from collections.abc import Callable

import numpy as np
from onnx import TensorProto, helper

from kindred.features import onnx_graphs
from kindred.features.onnx_graphs import Constants

IMAGE_SIZE = None
MAX_SIDE_PX = 32  # larger images are shrunk: the first components are smooth, and more pixels say no more of them
CHANNELS = None
WEIGHTED = False
COMPONENTS = 128  # at most: they hold nine tenths of the variance of photographs of 32 x 32 px


def fit_graph(sample: np.ndarray, say: Callable[[str], None]) -> bytes:
    from sklearn.decomposition import PCA
    from threadpoolctl import threadpool_limits

    pixels = sample.reshape(len(sample), -1).astype(np.float32) / 255
    count = min(COMPONENTS, *pixels.shape)
    with threadpool_limits(1), warnings.catch_warnings(), np.errstate(invalid="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # images that are all the same have no variance
        pca = PCA(count, svd_solver="randomized", random_state=0).fit(pixels)
        held = float(pca.explained_variance_.sum() / max(pixels.var(axis=0, ddof=1).sum(), 1e-12))
    say(f"{count} principal components of {len(sample):,} images hold {held:.0%} of the pixels' variance")
    return features_graph(sample.shape[1:], pca.mean_, pca.components_)


def features_graph(shape: tuple[int, ...], mean: np.ndarray, components: np.ndarray) -> bytes:
    """images uint8 [n, *shape] -> features float32 [n, m]: the mean [d] is of pixels from 0 to 1, the components are
    [m, d].
    """
    nodes = [
        helper.make_node("Cast", ["images"], ["levels"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["levels", "top"], ["scaled"]),
        helper.make_node("Flatten", ["scaled"], ["rows"], axis=1),
        helper.make_node("Sub", ["rows", "mean"], ["centred"]),
        helper.make_node("Gemm", ["centred", "components"], ["features"], transB=1),
    ]
    constants: Constants = {
        "top": np.float32(255),
        "mean": mean.astype(np.float32),
        "components": components.astype(np.float32),
    }
    return onnx_graphs.extractor_graph(nodes, shape, ("features", [len(components)]), constants)
