"""The extractors' ONNX graphs: in the local cache, and on their way to Spark's workers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from kindred.runtime import runs, storage
from kindred.runtime.errors import InputError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def path(graph: str) -> Path:
    """Where the graph of this file name lies in the cache, whether it exists or not."""
    return runs.cache_folder("graphs") / graph


def put(graph: str, content: bytes) -> None:
    """Keep a graph in the cache."""
    storage.put_bytes(f"file://{path(graph)}", content)


def restored(graph: str, stored: Callable[[], bytes] | None = None) -> Path:
    """The graph in the cache; one that was deleted there comes back from what `stored` returns. Raises InputError
    where it is gone.
    """
    file = path(graph)
    if not file.exists():
        if stored is None:
            raise InputError(f"{file} is gone; run the 'featurize' stage again")
        put(graph, stored())
    return file


def send_to_workers(spark: SparkSession, graph: str | None, stored: Callable[[], bytes] | None = None) -> None:
    """Send a graph (None: nothing) to all workers, `restored` where needed."""
    if graph is not None:
        spark.sparkContext.addFile(str(restored(graph, stored)))


def on_worker(graph: str) -> str:
    """The path on a Spark worker of a graph that was sent."""
    from pyspark import SparkFiles

    return SparkFiles.get(graph)
