"""Images and models -> attacked images, in Spark's workers: the models are asked through the whole way from pixels to
probabilities.
"""

import functools
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from kindred.data import images
from kindred.evaluation.attacks import black_box
from kindred.evaluation.attacks.black_box import TOP
from kindred.evaluation.attacks.simba import SimBA
from kindred.evaluation.attacks.square import SquareL2, SquareLinf
from kindred.features import featurize, onnx_graphs
from kindred.learning import networks, onnx_model
from kindred.learning.class_numbers import class_numbers

ATTACKS = {"simba_l2": SimBA, "square_l2": SquareL2, "square_linf": SquareLinf}
BATCH_VALUES = 2**22  # of big images fewer advance together
TASKS_PER_CORE = 4  # so that no core waits for long at the end, and progress shows

CHOSEN = "image_id string, label string, shown boolean"
FOUND = (
    "image_id string, model string, attack string, label string, before string, after string, confidence double, "
    "success boolean, queries int, distance double, original binary, attacked binary, before_confidence double, "
    "steps array<int>, true_confidence array<float>"
)


@dataclass(frozen=True)
class Plan:
    """What is done to each image: the attacks by name with their bounds in grey levels, and the queries for each."""

    epsilons: dict[str, float]
    budget: int
    seed: int


def norm_of(attack: str) -> str:
    return attack.rsplit("_", 1)[1]


def worker(
    plan: Plan,
    extractor: featurize.Extractor,
    models: dict[str, bytes],
    classes: list[str],
    channels: int,
    threads: int,
) -> Callable[[Iterator[pd.DataFrame]], Iterator[pd.DataFrame]]:
    """What `mapInPandas` runs: rows of CHOSEN with their content -> rows of FOUND. `models`: networks by name."""
    return functools.partial(_frames, plan, extractor, models, classes, channels, threads)


def attack(
    plan: Plan, name: str, model: black_box.Model, ids: list[str], labels: np.ndarray, pixels: np.ndarray
) -> black_box.Attacked:
    """`black_box.search` by one of ATTACKS; chance is each image's own, and the same for every model."""
    seeds = [hashlib.sha256(f"{i}:{plan.seed}:{name}".encode()).digest() for i in ids]
    chances = [np.random.default_rng(list(seed)) for seed in seeds]
    method = ATTACKS[name](pixels, chances, plan.epsilons[name], plan.budget)
    return black_box.search(model, method, pixels, labels, plan.budget)


def rows(
    name: str, model: str, some: pd.DataFrame, pixels: np.ndarray, found: black_box.Attacked, classes: list[str]
) -> pd.DataFrame:
    """Rows of FOUND for the images `some` (rows of CHOSEN) of given pixels."""
    labels = some["label"].to_numpy()
    before, after = (np.array(classes)[p.argmax(axis=1)] for p in (found.before, found.after))
    change = (found.images.astype(np.float64) - pixels).reshape(len(pixels), -1) / TOP
    table = pd.DataFrame(
        {
            **{"image_id": some["image_id"].to_numpy(), "model": model, "attack": name},
            **{"label": labels, "before": before, "after": after},
            "confidence": found.after.max(axis=1).astype(np.float64),
            "success": (before == labels) & (after != labels),
            "queries": found.queries.astype(np.int32),
            "distance": np.linalg.norm(change, np.inf if norm_of(name) == "linf" else 2, axis=1),
        }
    )
    pictures = [_picture(found, pixels, i) if is_shown else (None,) * 5 for i, is_shown in enumerate(some["shown"])]
    names = ["original", "attacked", "before_confidence", "steps", "true_confidence"]
    return pd.concat([table, pd.DataFrame(pictures, columns=names)], axis=1)


def tables(found: pa.Table, same: bool) -> tuple[pa.Table, pa.Table]:
    """The tables attacks and attack_pictures of rows of FOUND. Where final is base, base's rows stand for both."""
    if same:
        final = found.set_column(found.column_names.index("model"), "model", pa.array(["final"] * len(found)))
        found = pa.concat_tables([found, final])
    found = found.sort_by([(name, "ascending") for name in ("attack", "model", "image_id")])
    pictures = found.filter(found["original"].is_valid())
    pictures = pictures.drop_columns("queries").append_column("after_confidence", pictures["confidence"])
    return found, pictures.rename_columns([{"steps": "queries"}.get(name, name) for name in pictures.column_names])


def _picture(found: black_box.Attacked, pixels: np.ndarray, i: int) -> tuple:
    """The last columns of FOUND for an image: its path only where something changed, and its end."""
    path = found.path[i, : found.queries[i] + 1]
    steps = np.unique([0, *(np.flatnonzero(np.diff(path)) + 1), len(path) - 1])
    pair = (images.encode(array[i]) for array in (pixels, found.images))
    return *pair, float(found.before[i].max()), steps.astype(np.int32), path[steps]


def _frames(
    plan: Plan,
    extractor: featurize.Extractor,
    models: dict[str, bytes],
    classes: list[str],
    channels: int,
    threads: int,
    frames: Iterator[pd.DataFrame],
) -> Iterator[pd.DataFrame]:
    number = class_numbers(classes)
    for frame in frames:
        decoded = [images.decode(content) for content in frame["content"]]
        decoded = [images.fit(image, image.shape[:2], channels) for image in decoded]
        for at in _batches([image.shape for image in decoded]):
            some, pixels = frame.iloc[at], np.stack([decoded[i] for i in at])
            labels = some["label"].map(number).to_numpy()
            for model, network in models.items():
                ask = _model(extractor, network, channels, threads)
                for name in plan.epsilons:
                    found = attack(plan, name, ask, some["image_id"].to_list(), labels, pixels)
                    yield rows(name, model, some, pixels, found, classes)


def _batches(shapes: list[tuple[int, ...]]) -> Iterator[list[int]]:
    """Images of one shape, as many as may advance together."""
    for shape in sorted(set(shapes)):
        at = [i for i, other in enumerate(shapes) if other == shape]
        size = max(1, min(featurize.BATCH, BATCH_VALUES // int(np.prod(shape))))
        yield from (at[start : start + size] for start in range(0, len(at), size))


@functools.lru_cache(maxsize=2)
def _model(extractor: featurize.Extractor, network: bytes, channels: int, threads: int) -> black_box.Model:
    """In a worker, to which `featurize.ship` has sent the graph: the whole way from pixels to probabilities."""
    head = networks.from_bytes(network)
    if extractor.graph is None:
        return lambda pixels: head.probabilities(extractor.features(list(pixels), threads))
    graph = Path(featurize.shipped(extractor.graph)).read_bytes()
    session = onnx_graphs.session(onnx_model.whole_model(graph, head, channels), threads)
    return lambda pixels: session.run(None, {"pixels": pixels})[0]
