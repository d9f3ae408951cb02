"""images -> features: what a Spark worker, or a process of its own, does with batches of images."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from kindred.data import images
from kindred.features import graph_cache, onnx_graphs, openvino_session, preprocessing
from kindred.runtime import arrow, openvino_package, variants

BATCH = 32  # images that are decoded at once: a bound on a worker's memory
GRAPH_PIXELS = 200_000  # that a graph takes at once: what it computes of so many stays in a core's cache

ONNX_RUNTIME, OPENVINO = "onnxruntime", "openvino"

TIMED_FEATURES = "image_id string, split string, features array<float>, started double, ended double"

Worker = Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]


@dataclass(frozen=True)
class Extractor:
    """An extractor, set up for a dataset: what a worker needs to turn images into features. All of it goes into the
    run's facts.

    >>> hog = Extractor("hog", height=16, width=16, channels=1, fingerprint="", graph=None)
    >>> hog.features([np.zeros((40, 60, 3), np.uint8)]).shape
    (1, 1764)
    """

    name: str
    height: int
    width: int
    channels: int
    fingerprint: str
    graph: str | None  # file name of the ONNX graph, where there is one
    interpolation: str = preprocessing.BILINEAR  # how images are resized; runs before there was a choice have this one
    crop: float = 0.0  # the part of the shorter side that is kept, see `preprocessing.Preprocessing`
    quantised_from: str | None = None  # file name of the float32 graph, where `graph` is the same network in int8
    engine: str = ONNX_RUNTIME  # what runs the graph, everywhere: another one rounds differently
    local_features: bool = False  # the graph takes what the extractor's function of this name makes of the images

    def session(self, graph: bytes | str, threads: int = 1, images: int | None = None) -> Any:
        """Its graph, given as bytes or as a path, in its engine, for batches of so many images (None: graph_images)."""
        if self.engine == OPENVINO:
            return openvino_session.Session(graph, threads, images or self.graph_images)
        return onnx_graphs.session(graph, threads)

    def features(self, pixels: Sequence[np.ndarray], threads: int = 1, session: Any = None) -> np.ndarray:
        """Features [n, d], float32, of images of any size, uint8 [h, w, c] each. An extractor with a graph runs it in
        `session`, one of its own, or without one, in a Spark worker, as `graph_cache.send_to_workers` sent it; always
        in batches of `graph_images`.
        """
        if self.graph is None:
            features: np.ndarray = variants.load("extractor", self.name).features(self.batch(pixels))
            return features
        session = session or _session(self, graph_cache.on_worker(self.graph), threads)
        name, size = session.get_outputs()[0].name, self.graph_images
        return np.concatenate([self.output(name, pixels[i : i + size], session) for i in range(0, len(pixels), size)])

    @property
    def graph_images(self) -> int:
        """How many images a graph takes at once. The features are the same bytes for any number of them, the time is
        not: benchmarks/featurize.py measures it.

        >>> [Extractor("pixels", side, side, 3, "", None).graph_images for side in (28, 96, 224, 600)]
        [32, 22, 4, 1]
        """
        return max(1, min(BATCH, round(GRAPH_PIXELS / (self.height * self.width))))

    @property
    def is_one_graph(self) -> bool:
        """Whether its graph is the whole way from images, with no function before it, and ONNX Runtime runs it."""
        return self.graph is not None and not self.local_features and self.engine == ONNX_RUNTIME

    @property
    def packages(self) -> list[str]:
        """What is installed for its features alone, beside `tracking.SERVING_PACKAGES`, as pip names it.

        >>> Extractor("sift_words", 96, 96, 1, "", "sift_words-1.onnx", local_features=True).packages
        ['opencv-python-headless']
        """
        own = getattr(variants.load("extractor", self.name), "PACKAGES", ())
        return [*own, *([openvino_package.NAME] if self.engine == OPENVINO else [])]

    def output(self, name: str, pixels: Sequence[np.ndarray], session: Any) -> np.ndarray:
        """The output of this name of the graph in a session, for images of any size."""
        inputs = self.batch(pixels)
        if self.local_features:
            inputs = variants.load("extractor", self.name).local_features(inputs)
        output: np.ndarray = session.run([name], {session.get_inputs()[0].name: inputs})[0]
        return output

    def batch(self, pixels: Sequence[np.ndarray]) -> np.ndarray:
        """Images of any size as the extractor takes them, uint8 [n, height, width, channels]."""
        return np.stack([self.resized(image) for image in pixels])

    def resized(self, pixels: np.ndarray) -> np.ndarray:
        """One such image; a worker resizes each when it is decoded, so that it never holds many big ones."""
        return preprocessing.fit(pixels, (self.height, self.width), self.channels, self.interpolation, self.crop)

    @classmethod
    def from_facts(cls, facts: dict[str, Any]) -> Extractor:
        """The extractor of a run, from the facts of its featurize stage."""
        return cls(**facts)

    def description(self, classes: list[str], channels: int, thresholds: Sequence[float] | None = None) -> bytes:
        """What `kindred.serving` needs to know beside the files, as JSON: the classes, with several labels an image the
        probability from which on each is there, the images' channels, and this extractor.
        """
        about: dict[str, Any] = {"classes": classes, "channels": channels, "extractor": asdict(self)}
        if thresholds is not None:
            about["thresholds"] = list(thresholds)
        return json.dumps(about, indent=1).encode()


def worker(extractor: Extractor, threads: int, mirrored: bool = False) -> Worker:
    """The function for `mapInArrow`: batches of image_id, split, content -> rows of TIMED_FEATURES, of the images or of
    their horizontal mirror images.
    """
    return functools.partial(_featurize, extractor, threads, mirrored)


def _featurize(
    extractor: Extractor, threads: int, mirrored: bool, batches: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    order = slice(None, None, -1 if mirrored else None)  # of an image's columns
    if extractor.graph is not None:
        _session(extractor, graph_cache.on_worker(extractor.graph), threads)  # loading is not part of a batch's time
    for batch in batches:
        for start in range(0, batch.num_rows, BATCH):
            rows = batch.slice(start, BATCH)
            started = time.time()
            pixels = [extractor.resized(images.decode(content.as_py())[:, order]) for content in rows.column("content")]
            features = extractor.features(pixels, threads)
            times = [pa.array(np.full(len(features), at)) for at in (started, time.time())]
            columns = [rows.column("image_id"), rows.column("split"), arrow.lists(features), *times]
            yield pa.RecordBatch.from_arrays(columns, ["image_id", "split", "features", "started", "ended"])


@functools.lru_cache(maxsize=2)
def _session(extractor: Extractor, path: str, threads: int) -> Any:
    return extractor.session(path, threads)
