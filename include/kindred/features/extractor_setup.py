"""An extractor, set up for a dataset in the driver: its size, its fingerprint, its graph exported or fitted once."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import asdict, replace
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from kindred.data import images
from kindred.features import graph_cache, onnx_files, onnx_graphs, openvino_session, quantisation, text_files
from kindred.features.featurize import OPENVINO, Extractor
from kindred.features.onnx_files import Network
from kindred.features.text_files import TextTower
from kindred.runtime import cpu, openvino_package, storage, tables, variants
from kindred.runtime.errors import InputError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

MIXED_SIZE = 32  # px: the side for an extractor without one of its own, where the images differ in size
SMALL_PX = 48  # the longer side of images that are no photographs
# That a fitted extractor learns from, unless it has limits of its own: a bound on the driver's memory and time.
MIN_SAMPLE_IMAGES, SAMPLE_IMAGES = 2, 5000
CALIBRATION_IMAGES = 256  # at most, by which the ranges of an int8 network are set

CODE = (onnx_graphs, images)  # beside the extractor's own file and its CODE, what features depend on


def for_dataset(
    name: str,
    image_size: int | None,
    weights: str,
    dataset: dict[str, Any],
    say: Callable[[str], None] = lambda line: None,
    preprocessing: str = "",
    output: str = "",
    precision: str = variants.FLOAT32,
    maps: int = 1,
) -> Extractor:
    """The extractor for a dataset (the facts of its ingest stage: height, width, channels, dataset), with its graph
    exported once and cached; where the graph is to be fitted or quantised, `fit_to_images` does that later. `say` gets
    a line where that takes long, or another extractor would do better. `preprocessing` and `output` are of an extractor
    with `network`. `maps`: of how many layers the features are, 2 with EARLIER_MAP. Raises InputError.
    """
    variants.check_precision(name, precision)
    earlier_map = _earlier_map(name, maps)
    extractor = _in_float32(name, image_size, weights, dataset, say, preprocessing, output, earlier_map)
    if precision == variants.FLOAT32:
        return extractor
    int8 = _in_int8(extractor, dataset, say)
    return int8 if precision == variants.INT8 else _in_openvino(int8)


def _in_int8(extractor: Extractor, dataset: dict[str, Any], say: Callable[[str], None]) -> Extractor:
    """The same network in int8, calibrated with the dataset's images: other features, so another fingerprint."""
    import onnxruntime

    found = cpu.int8_instructions()
    say(f"int8 on this processor: {', '.join(found) or 'no instructions for it, so little or no gain in speed'}")
    code = storage.file_fingerprint(quantisation.__file__), onnxruntime.__version__
    made = extractor.fingerprint, variants.INT8, dataset["dataset"]["digest"], CALIBRATION_IMAGES, *code
    fingerprint = storage.fingerprint(*made)
    graph = _graph_name(extractor.name, fingerprint)
    return replace(extractor, fingerprint=fingerprint, graph=graph, quantised_from=extractor.graph)


def _in_openvino(extractor: Extractor) -> Extractor:
    """The same graph in OpenVINO."""
    made = extractor.fingerprint, metadata.version(openvino_package.NAME)
    fingerprint = storage.fingerprint(*made, storage.file_fingerprint(openvino_session.__file__))
    return replace(extractor, fingerprint=fingerprint, engine=OPENVINO)


def _in_float32(
    name: str,
    image_size: int | None,
    weights: str,
    dataset: dict[str, Any],
    say: Callable[[str], None],
    preprocessing: str,
    output: str,
    earlier_map: list[str],
) -> Extractor:
    """`for_dataset` in the network's own precision."""
    module = variants.load("extractor", name)
    if hasattr(module, "network"):
        extractor = _of_network(name, module, module.network(weights, preprocessing, output), image_size, say)
        _check_text(extractor, weights, say)
        return extractor
    if preprocessing or output:
        raise InputError(f"preprocessing and output are for the extractor onnx alone; {name} takes neither")
    height, width = _size(module, image_size, dataset)
    channels = module.CHANNELS or dataset["channels"]
    if advice := _advice(name, module.WEIGHTED, dataset):
        say(advice)
    fitted_on = [dataset["dataset"]["digest"], *_fit_settings(module)] if hasattr(module, "fit_graph") else []
    fingerprint = _fingerprint(module, height, width, channels, weights, *fitted_on, *earlier_map)
    graph = None if hasattr(module, "features") else _graph_name(name, fingerprint)
    if hasattr(module, "graph") and not graph_cache.path(_graph_name(name, fingerprint)).exists():
        if module.WEIGHTED and not hasattr(module, "IMAGENET_SHA256"):
            say(f"imports TensorFlow and converts {name}, once{_fetched(weights, _weights_identity(module, weights))}")
        content = module.graph((height, width), channels, weights, *earlier_map)
        # Weights may have been fetched just now.
        fingerprint = _fingerprint(module, height, width, channels, weights, *earlier_map)
        graph = _graph_name(name, fingerprint)
        graph_cache.put(graph, content)
    local_features = hasattr(module, "local_features")
    return Extractor(name, height, width, channels, fingerprint, graph, local_features=local_features)


def _earlier_map(name: str, maps: int) -> list[str]:
    """The layer before the last that features of two maps are of too; none with one map. Raises InputError."""
    if maps == 1:
        return []
    if maps != 2:
        raise InputError(f"maps must be 1 or 2, not {maps}")
    module = variants.load("extractor", name)
    if not hasattr(module, "EARLIER_MAP"):
        modules = {one: variants.load("extractor", one) for one in variants.names("extractor")}
        able = ", ".join(one for one, other in modules.items() if hasattr(other, "EARLIER_MAP"))
        raise InputError(f"the extractor {name} has one map; two have: {able}")
    return [module.EARLIER_MAP]


def _of_network(
    name: str, module: ModuleType, network: Network, image_size: int | None, say: Callable[[str], None]
) -> Extractor:
    """The extractor of a network in a file of another's making."""
    height, width = onnx_files.size(network, image_size)
    chosen = network.preprocessing
    made = network.sha256, network.output, network.tokens, asdict(chosen)
    fingerprint = storage.fingerprint(height, width, _code(module), *made)
    graph = _graph_name(name, fingerprint)
    if not graph_cache.path(graph).exists():
        graph_cache.put(graph, onnx_files.graph(network, (height, width)))
    resized = f"{chosen.interpolation}, {f'the middle {chosen.crop:g}' if chosen.crop else 'the whole image'}"
    say(f"{network.path}: output {network.output}{network.tokens} of images of {height} x {width} px ({resized})")
    return Extractor(name, height, width, network.image.channels, fingerprint, graph, chosen.interpolation, chosen.crop)


def text_tower(name: str, weights: str, say: Callable[[str], None] = lambda line: None) -> TextTower | None:
    """The text encoder of an extractor with these weights; None where it has none, `say` gets a line about what is
    lacking. Raises InputError for one that cannot be used.
    """
    module = variants.load("extractor", name)
    tower: TextTower | None = module.text(weights, say) if hasattr(module, "text") else None
    return tower


def _check_text(extractor: Extractor, weights: str, say: Callable[[str], None]) -> None:
    """Say whether there is a text encoder. Raises InputError for one that does not fit the images' features."""
    if (tower := text_tower(extractor.name, weights, say)) and extractor.graph:
        graph = onnx_graphs.session(str(graph_cache.path(extractor.graph)))
        text_files.check_width(tower, graph.get_outputs()[0].shape[1])
        say(f"the search will take words, by {tower.path} (up to {tower.tokens} tokens)")


def fit_to_images(extractor: Extractor, frame: DataFrame, say: Callable[[str], None]) -> None:
    """Fit the extractor's graph to a dataset's images (rows of image_id, split, content), or quantise it by them,
    unless it is in the cache or is none of these. Raises InputError where there are too few images to learn from.
    """
    if not extractor.graph or graph_cache.path(extractor.graph).exists():
        return
    module = variants.load("extractor", extractor.name)
    if extractor.quantised_from:
        images = sample(extractor, frame, CALIBRATION_IMAGES)
        say(f"quantises {extractor.name} to int8, once, by {len(images)} train and unlabelled images")
        graph = graph_cache.path(extractor.quantised_from).read_bytes()
        graph_cache.put(extractor.graph, quantisation.quantised(graph, images, extractor.graph_images))
    elif hasattr(module, "fit_graph"):
        graph_cache.put(extractor.graph, module.fit_graph(sample(extractor, frame), say))


def sample(extractor: Extractor, frame: DataFrame, count: int | None = None) -> np.ndarray:
    """What a fitted extractor learns from: as many train and unlabelled images as its limit allows (or `count`), the
    first by the hash of their ids, in the extractor's size, uint8 [n, h, w, c], sorted by id.
    """
    from pyspark.sql import functions as F

    module = variants.load("extractor", extractor.name)
    limit = count or _fit_settings(module)[0]
    pile = frame.where(F.col("split").isin(*tables.LEARNED_FROM))
    ranked = pile.select("image_id", F.sha2("image_id", 256).alias("rank")).distinct().orderBy("rank")
    chosen = F.broadcast(ranked.limit(limit))
    rows = pile.join(chosen, "image_id", how="left_semi").select("image_id", "content").toLocalIterator()
    pixels = {row.image_id: extractor.resized(images.decode(row.content)) for row in rows}
    least = getattr(module, "MIN_SAMPLE_IMAGES", MIN_SAMPLE_IMAGES)
    if len(pixels) < least:
        needed = f"{extractor.name} learns from {least} or more train or unlabelled images"
        raise InputError(f"{needed}; there are {len(pixels)}")
    return np.stack([pixels[image_id] for image_id in sorted(pixels)])


def _fit_settings(module: ModuleType) -> list[int]:
    """How many images a fitted extractor learns from at most; of one that learns by epochs also how many it sees."""
    return [getattr(module, "SAMPLE_IMAGES", SAMPLE_IMAGES), *([module.VIEWS] if hasattr(module, "VIEWS") else [])]


def _advice(name: str, weighted: bool, dataset: dict[str, Any]) -> str:
    """What to say where photographs get an extractor that has learned nothing of photographs; else nothing."""
    large = not dataset["height"] or max(dataset["height"], dataset["width"]) > SMALL_PX  # without a height: mixed
    if weighted or dataset["channels"] < 3 or not large:
        return ""
    better = '"extractor": "efficientnet_lite2", a pretrained network, does much better on them than'
    return f"the images look like photographs: {better} {name}"


def _fetched(weights: str, identity: list[Any]) -> str:
    """That the weights of a network are downloaded, where they are; `identity` is that of `_weights_identity`."""
    return f"; downloads its weights into {_models()}" if weights == "imagenet" and len(identity) == 1 else ""


def _models() -> Path:
    """Keras's own folder of weights."""
    return Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "models"


def _graph_name(name: str, fingerprint: str) -> str:
    return f"{name}-{fingerprint}.onnx"


def _size(module: ModuleType, image_size: int | None, dataset: dict[str, Any]) -> tuple[int, int]:
    """The height and width to which images are resized."""
    if side := image_size or module.IMAGE_SIZE:
        return side, side
    height, width = dataset["height"] or MIXED_SIZE, dataset["width"] or MIXED_SIZE
    scale = min(1, getattr(module, "MAX_SIDE_PX", math.inf) / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def _fingerprint(
    module: ModuleType, height: int, width: int, channels: int, weights: str, *fitted_on: str | int
) -> str:
    identity = _weights_identity(module, weights)
    return storage.fingerprint(height, width, channels, _code(module), identity, *fitted_on)


def _code(module: ModuleType) -> list[str]:
    """The fingerprints of all files of code that an extractor's features depend on."""
    return [storage.file_fingerprint(variants.source(part)) for part in (module, *getattr(module, "CODE", ()), *CODE)]


def _weights_identity(module: ModuleType, weights: str) -> list[Any]:
    """What changes when the weights do."""
    if not module.WEIGHTED:
        return []
    if weights == "random":
        return ["random"]
    if weights == "imagenet" and hasattr(module, "IMAGENET_SHA256"):
        return ["imagenet", module.IMAGENET_SHA256]
    if weights == "imagenet":
        prefix = variants.source(module).stem.split("_")[0]
        files = sorted(_models().glob(f"{prefix}*_no_top.h5")) + sorted(_models().glob(f"{prefix}*_notop.h5"))
        return ["imagenet", *((file.name, file.stat().st_size) for file in files)]
    if not Path(weights).is_file():
        raise InputError(f"no such weights: {weights!r}; give imagenet, random or a file")
    return [storage.file_fingerprint(weights)]
