"""How a network's training goes: lines of progress, and curves in the metadata of its ONNX graph, so that they are
wherever the graph is.
"""

import json
import time
from collections.abc import Callable

import onnx
from onnx import helper

from kindred.runtime.durations import Countdown

KEY = "training_curves"
REPORT_SECONDS = 5.0  # between lines of progress, at least


def with_curves(graph: bytes, curves: dict[str, list[float]]) -> bytes:
    """The graph with curves, a value for each epoch, by name."""
    model = onnx.load_from_string(graph)
    helper.set_model_props(model, {KEY: json.dumps(curves)})
    return model.SerializeToString()


def curves_of(graph: bytes) -> dict[str, list[float]]:
    """The curves of a graph; none where it has learned nothing by epochs."""
    properties = {entry.key: entry.value for entry in onnx.load_from_string(graph).metadata_props}
    curves: dict[str, list[float]] = json.loads(properties.get(KEY, "{}"))
    return curves


def reporter(epochs: int, say: Callable[[str], None], at_most: bool = False) -> Callable[[int, str], None]:
    """What is called after each epoch with its number, from 1, and its figures as text; `at_most` where training may
    stop before the last one.
    """
    started, countdown, said = time.perf_counter(), Countdown(epochs), 0.0
    of = f"of at most {epochs}" if at_most else f"of {epochs}"

    def report(epoch: int, figures: str) -> None:
        nonlocal said
        seconds = time.perf_counter() - started
        left = countdown.left(seconds, epoch)
        if epoch in (1, epochs) or seconds - said >= REPORT_SECONDS:
            said = seconds
            say(f"... epoch {epoch} {of}: {figures}{left if epoch < epochs else ''}")

    return report
