"""images -> features: an extractor made ready once in the driver, and run over batches in the workers."""

import functools
import json
import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa

from kindred.data import images
from kindred.features import onnx_graphs
from kindred.runtime import arrow, runs, storage, tables, variants
from kindred.runtime.errors import InputError

BATCH = 32
MIXED_SIZE = 32  # px: the side for an extractor without one of its own, where the images differ in size
SAMPLE = 5000  # images that a fitted extractor learns from


@dataclass(frozen=True)
class Extractor:
    """An extractor, made ready: what a worker needs to turn images into features. All of it goes into the
    run's facts.
    """

    name: str
    height: int
    width: int
    channels: int
    fingerprint: str
    graph: str | None  # file name of the ONNX graph, where there is one

    def features(self, pixels: list[np.ndarray], threads: int = 1, session: Any = None) -> np.ndarray:
        """Features [n, d], float32, of images of any size. Where the extractor has a graph, by this ONNX Runtime
        session, or without one, in a Spark worker, by the graph that `ship` has sent.
        """
        if self.graph is None:
            return variants.load("extractor", self.name).features(self.batch(pixels))
        session = session or _session(shipped(self.graph), threads)
        return self.output(session.get_outputs()[0].name, pixels, session)

    def output(self, name: str, pixels: list[np.ndarray], session: Any) -> np.ndarray:
        """What the graph of an ONNX Runtime session gives under this name for images of any size."""
        return session.run([name], {session.get_inputs()[0].name: self.batch(pixels)})[0]

    def batch(self, pixels: list[np.ndarray]) -> np.ndarray:
        """Images of any size as the extractor takes them, uint8 [n, height, width, channels]."""
        return np.stack([self.fitted(image) for image in pixels])

    def fitted(self, pixels: np.ndarray) -> np.ndarray:
        """One such image; a worker shrinks each when it is decoded, so that it never holds many big ones."""
        return images.fit(pixels, (self.height, self.width), self.channels)

    @classmethod
    def of(cls, facts: dict) -> "Extractor":
        """The extractor of a run, from the facts of its featurize stage."""
        return cls(**facts)

    def describe(self, classes: list[str], channels: int) -> bytes:
        """What `kindred.serving` needs to know beside the files: the classes, the images' channels, the extractor."""
        return json.dumps({"classes": classes, "channels": channels, "extractor": asdict(self)}, indent=1).encode()


def prepare(name: str, image_size: int | None, weights: str, dataset: dict) -> Extractor:
    """The extractor for a dataset (its facts: height, width, channels, dataset), with its graph exported once and
    cached; where the graph is to be fitted, `fit` does that later.
    """
    module = variants.load("extractor", name)
    height, width = _size(module, image_size, dataset)
    channels = module.CHANNELS or dataset["channels"]
    fitted = [dataset["dataset"]["digest"], SAMPLE] if hasattr(module, "fit_graph") else []
    fingerprint = _fingerprint(module, height, width, channels, weights, *fitted)
    if fitted:
        return Extractor(name, height, width, channels, fingerprint, _graph_path(name, fingerprint).name)
    if not hasattr(module, "graph"):
        return Extractor(name, height, width, channels, fingerprint, None)
    path = _graph_path(name, fingerprint)
    if not path.exists():
        content = module.graph((height, width), channels, weights)
        fingerprint = _fingerprint(module, height, width, channels, weights)  # weights may have been fetched just now
        path = _graph_path(name, fingerprint)
        storage.put_bytes(f"file://{path}", content)
    return Extractor(name, height, width, channels, fingerprint, path.name)


def fit(extractor: Extractor, frame: Any, say: Callable[[str], None]) -> None:
    """Fit the extractor's graph to a dataset's images (rows of image_id, split, content), unless it is in the cache
    or is none that is fitted. Raises InputError where there are fewer than two images to learn from.
    """
    module = variants.load("extractor", extractor.name)
    if hasattr(module, "fit_graph") and not (path := runs.cache_folder("graphs") / extractor.graph).exists():
        storage.put_bytes(f"file://{path}", module.fit_graph(sample(extractor, frame), say))


def sample(extractor: Extractor, frame: Any) -> np.ndarray:
    """What a fitted extractor learns from: the first SAMPLE train and unlabelled images by the hash of their ids, in
    the extractor's size, uint8 [n, h, w, c], sorted by id.
    """
    from pyspark.sql import functions as F

    seen = frame.where(F.col("split").isin(*tables.LEARNED_FROM))
    chosen = seen.select("image_id", F.sha2("image_id", 256).alias("rank")).distinct().orderBy("rank").limit(SAMPLE)
    rows = seen.join(F.broadcast(chosen), "image_id", how="left_semi").select("image_id", "content").toLocalIterator()
    pixels = {row.image_id: extractor.fitted(images.decode(row.content)) for row in rows}
    if len(pixels) < 2:
        raise InputError(f"{extractor.name} learns from images; {len(pixels)} to learn from are too few")
    return np.stack([pixels[image_id] for image_id in sorted(pixels)])


def graph_path(extractor: Extractor, stored: Callable[[], bytes] | None = None) -> Path:
    """The graph in the cache; where it is gone from there, it comes back from what `stored` gives."""
    path = runs.cache_folder("graphs") / extractor.graph
    if not path.exists():
        if stored is None:
            raise InputError(f"{path} is gone; run the 'featurize' stage again")
        storage.put_bytes(f"file://{path}", stored())
    return path


def ship(spark: Any, extractor: Extractor, stored: Callable[[], bytes] | None = None) -> None:
    """Send the extractor's graph to all workers."""
    if extractor.graph is not None:
        spark.sparkContext.addFile(str(graph_path(extractor, stored)))


def worker(extractor: Extractor, threads: int) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """What `mapInArrow` runs: batches of image_id, split, content -> rows of TIMED."""
    return functools.partial(_batches, extractor, threads)


TIMED = "image_id string, split string, features array<float>, started double, ended double"


def _batches(extractor: Extractor, threads: int, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    if extractor.graph is not None:
        _session(shipped(extractor.graph), threads)  # loading is not part of a batch's time
    for batch in batches:
        for start in range(0, batch.num_rows, BATCH):
            rows = batch.slice(start, BATCH)
            started = time.time()
            pixels = [extractor.fitted(images.decode(content.as_py())) for content in rows.column("content")]
            features = extractor.features(pixels, threads)
            times = [pa.array(np.full(len(features), at)) for at in (started, time.time())]
            columns = [rows.column("image_id"), rows.column("split"), arrow.lists(features), *times]
            yield pa.RecordBatch.from_arrays(columns, ["image_id", "split", "features", "started", "ended"])


def shipped(name: str) -> str:
    """Where a worker finds what `ship` has sent."""
    from pyspark import SparkFiles

    return SparkFiles.get(name)


@functools.lru_cache(maxsize=2)
def _session(path: str, threads: int):
    return onnx_graphs.session(path, threads)


def _graph_path(name: str, fingerprint: str) -> Path:
    return runs.cache_folder("graphs") / f"{name}-{fingerprint}.onnx"


def _size(module: ModuleType, image_size: int | None, dataset: dict) -> tuple[int, int]:
    """The height and width to which images are resized."""
    if side := image_size or module.IMAGE_SIZE:
        return side, side
    height, width = dataset["height"] or MIXED_SIZE, dataset["width"] or MIXED_SIZE
    shrink = min(1, getattr(module, "LARGEST", math.inf) / max(height, width))
    return max(1, round(height * shrink)), max(1, round(width * shrink))


def _fingerprint(module: ModuleType, height: int, width: int, channels: int, weights: str, *fitted: str | int) -> str:
    code = [storage.file_fingerprint(variants.source(part)) for part in (module, onnx_graphs, images)]
    return storage.fingerprint(height, width, channels, code, _weights_identity(module, weights), *fitted)


def _weights_identity(module: ModuleType, weights: str) -> list:
    """What changes when the weights do."""
    if not module.WEIGHTED:
        return []
    if weights == "random":
        return ["random"]
    if weights == "imagenet":
        folder = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "models"
        prefix = variants.source(module).stem.split("_")[0]
        files = sorted(folder.glob(f"{prefix}*_no_top.h5")) + sorted(folder.glob(f"{prefix}*_notop.h5"))
        return ["imagenet", *((file.name, file.stat().st_size) for file in files)]
    if not Path(weights).is_file():
        raise InputError(f"no such weights: {weights!r}; give imagenet, random or a file")
    return [storage.file_fingerprint(weights)]
