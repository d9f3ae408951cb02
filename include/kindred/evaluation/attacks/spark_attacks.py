"""Images and models -> attacked images, in Spark's workers. A query goes the whole way from pixels to probabilities."""

import functools
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from kindred.data import images
from kindred.evaluation.attacks import black_box
from kindred.evaluation.attacks.attack_plan import ATTACKS, AttackPlan
from kindred.features import featurize, graph_cache, onnx_graphs
from kindred.learning import networks, onnx_model
from kindred.learning.class_numbers import class_numbers

BATCH_VALUES = 2**22  # pixels times channels: of big images fewer advance together
TASKS_PER_CORE = 4  # so that no core waits for long at the end, and progress shows

CHOSEN = "image_id string, label string, pictured boolean"  # what a worker gets, with the column content
ATTACKED = (
    "image_id string, model string, attack string, label string, before string, after string, confidence double, "
    "success boolean, queries int, distance double, original binary, attacked binary, before_confidence double, "
    "steps array<int>, true_confidence array<float>"
)


def worker(
    plan: AttackPlan,
    extractor: featurize.Extractor,
    models: dict[str, bytes],
    classes: list[str],
    channels: int,
    threads: int,
) -> Callable[[Iterator[pd.DataFrame]], Iterator[pd.DataFrame]]:
    """What `mapInPandas` runs: rows of CHOSEN with their content -> rows of ATTACKED. `models`: networks by name."""
    return functools.partial(_frames, plan, extractor, models, classes, channels, threads)


def attack(
    plan: AttackPlan, name: str, model: black_box.Model, ids: list[str], labels: np.ndarray, pixels: np.ndarray
) -> black_box.Outcome:
    """`black_box.search` by one of ATTACKS, on images uint8 [n, height, width, c] of these ids and classes [n]. An
    image's random numbers follow from its id, and are the same for every model.
    """
    seeds = [hashlib.sha256(f"{i}:{plan.seed}:{name}".encode()).digest() for i in ids]
    rngs = [np.random.default_rng(list(seed)) for seed in seeds]
    method = ATTACKS[name](pixels, rngs, plan.epsilons[name], plan.budget)
    return black_box.search(model, method, pixels, labels, plan.budget)


def outcome_rows(
    name: str, model: str, chosen: pd.DataFrame, pixels: np.ndarray, outcome: black_box.Outcome, classes: list[str]
) -> pd.DataFrame:
    """Rows of ATTACKED for the images `chosen` (rows of CHOSEN) of given pixels."""
    labels = chosen["label"].to_numpy()
    before, after = (np.array(classes)[p.argmax(axis=1)] for p in (outcome.before, outcome.after))
    table = pd.DataFrame(
        {
            **{"image_id": chosen["image_id"].to_numpy(), "model": model, "attack": name},
            **{"label": labels, "before": before, "after": after},
            "confidence": outcome.after.max(axis=1).astype(np.float64),
            "success": (before == labels) & (after != labels),
            "queries": outcome.queries.astype(np.int32),
            "distance": black_box.distances(pixels, outcome.images, ATTACKS[name].NORM),
        }
    )
    kept = [_pictures(outcome, pixels, i) if is_kept else (None,) * 5 for i, is_kept in enumerate(chosen["pictured"])]
    names = ["original", "attacked", "before_confidence", "steps", "true_confidence"]
    return pd.concat([table, pd.DataFrame(kept, columns=names)], axis=1)


def tables(attacked: pa.Table, same: bool) -> tuple[pa.Table, pa.Table]:
    """The tables attacks and attack_pictures of rows of ATTACKED. Where final is base (`same`), base's rows stand for
    both.
    """
    if same:
        position = attacked.column_names.index("model")
        final = attacked.set_column(position, "model", pa.array(["final"] * len(attacked)))
        attacked = pa.concat_tables([attacked, final])
    attacked = attacked.sort_by([(name, "ascending") for name in ("attack", "model", "image_id")])
    pictures = attacked.filter(attacked["original"].is_valid())
    pictures = pictures.drop_columns("queries").append_column("after_confidence", pictures["confidence"])
    return attacked, pictures.rename_columns([{"steps": "queries"}.get(name, name) for name in pictures.column_names])


def _pictures(outcome: black_box.Outcome, pixels: np.ndarray, i: int) -> tuple[Any, ...]:
    """The last columns of ATTACKED for an image: its path only where something changed, and its end."""
    path = outcome.path[i, : outcome.queries[i] + 1]
    steps = np.unique([0, *(np.flatnonzero(np.diff(path)) + 1), len(path) - 1])
    pair = (images.encode(array[i]) for array in (pixels, outcome.images))
    return *pair, float(outcome.before[i].max()), steps.astype(np.int32), path[steps]


def _frames(
    plan: AttackPlan,
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
        for batch in _batches([image.shape for image in decoded]):
            chosen, pixels = frame.iloc[batch], np.stack([decoded[i] for i in batch])
            ids, labels = chosen["image_id"].to_list(), chosen["label"].map(number).to_numpy()
            for name, network in models.items():
                model = _model(extractor, network, channels, threads)
                for method in plan.epsilons:
                    outcome = attack(plan, method, model, ids, labels, pixels)
                    yield outcome_rows(method, name, chosen, pixels, outcome, classes)


def _batches(shapes: list[tuple[int, ...]]) -> Iterator[list[int]]:
    """The rows of images of one shape, as many as may advance together."""
    for shape in sorted(set(shapes)):
        rows = [i for i, other in enumerate(shapes) if other == shape]
        size = max(1, min(featurize.BATCH, BATCH_VALUES // int(np.prod(shape))))
        yield from (rows[start : start + size] for start in range(0, len(rows), size))


@functools.lru_cache(maxsize=2)
def _model(extractor: featurize.Extractor, network: bytes, channels: int, threads: int) -> black_box.Model:
    """The whole way from pixels to probabilities, in a worker that was sent the extractor's graph."""
    head = networks.from_bytes(network)
    if extractor.graph is None or not extractor.is_one_graph:
        return lambda pixels: head.probabilities(extractor.features(list(pixels), threads))
    graph = Path(graph_cache.on_worker(extractor.graph)).read_bytes()
    model = onnx_model.whole_model(graph, head, channels, extractor.interpolation, extractor.crop)
    session = onnx_graphs.session(model, threads)
    return lambda pixels: session.run(None, {"pixels": pixels})[0]
