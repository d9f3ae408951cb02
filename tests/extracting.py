"""What tests do with extractors: images of noise, a dataset's facts, features as a run computes them."""

import functools
import importlib.util
from typing import Any

import numpy as np
import pytest

from kindred.features import extractor_setup, graph_cache, onnx_graphs
from kindred.features.featurize import Extractor
from kindred.runtime import openvino_package, variants
from pictures import noise


def need_openvino() -> None:
    """Skip a test where OpenVINO is not installed."""
    if importlib.util.find_spec(openvino_package.NAME) is None:
        pytest.skip(f"OpenVINO is not installed: {openvino_package.INSTALL}")


def facts(height: int | None, width: int | None, channels: int, digest: str = "aaaa") -> dict[str, Any]:
    """What ingest knows of a dataset; no height and width: its images differ in size."""
    return {"height": height, "width": width, "channels": channels, "dataset": {"name": "any", "digest": digest}}


MIXED = facts(None, None, 3)


def noises(height: int, width: int, channels: int, count: int = 40) -> np.ndarray:
    """Images of noise, uint8 [n, h, w, c]."""
    return np.stack([noise(height, width, channels, seed=100 + seed) for seed in range(count)])


def noises_for(name: str, height: int, width: int, channels: int, count: int = 40) -> np.ndarray:
    """The same in the number of channels that an extractor takes; `channels` where it takes any."""
    return noises(height, width, variants.load("extractor", name).CHANNELS or channels, count)


def session_of(extractor: Extractor) -> Any:
    """An ONNX Runtime session for the extractor's graph, fitted to 40 images of noise where it is fitted; None for one
    without a graph.
    """
    if extractor.graph is None:
        return None
    if hasattr(variants.load("extractor", extractor.name), "fit_graph"):
        return onnx_graphs.session(_fitted(extractor.name, extractor.height, extractor.width, extractor.channels))
    return onnx_graphs.session(str(graph_cache.path(extractor.graph)))


@functools.cache
def _fitted(name: str, height: int, width: int, channels: int) -> bytes:
    graph: bytes = variants.load("extractor", name).fit_graph(noises(height, width, channels), str)
    return graph


def features(name: str, batch: np.ndarray, weights: str = "random", image_size: int | None = None) -> np.ndarray:
    """Features of images [n, h, w, c], by the extractor that a run on a dataset of such images would have."""
    extractor = extractor_setup.for_dataset(name, image_size, weights, facts(*batch.shape[1:]))
    return extractor.features(list(batch), session=session_of(extractor))


def graph_inputs(name: str, images: np.ndarray) -> np.ndarray:
    """What the graph of a fitted extractor takes of images: the images, or their local features."""
    module = variants.load("extractor", name)
    inputs: np.ndarray = module.local_features(images) if hasattr(module, "local_features") else images
    return inputs


def run(graph: bytes, batch: np.ndarray) -> np.ndarray:
    """The first output of a graph for a batch that fits it."""
    session = onnx_graphs.session(graph)
    return session.run(None, {session.get_inputs()[0].name: batch})[0]
