"""How much of the Spark work that runs meanwhile is done."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

INTERVAL_SECONDS = 2.0


@contextlib.contextmanager
def watched(
    spark: SparkSession, say: Callable[[str], None], images: int | None = None
) -> Iterator[list[tuple[int, float]]]:
    """Report every few seconds how much of the Spark work inside the block is done: as a number of `images`, or in per
    cent. The list that the block gets fills with (whole seconds so far, images a second so far).
    """
    ended, started = threading.Event(), time.time()
    course: list[tuple[int, float]] = []
    tracker = spark.sparkContext.statusTracker()

    def watch() -> None:
        last = ""
        while not ended.wait(INTERVAL_SECONDS):
            stages = [info for i in tracker.getActiveStageIds() if (info := tracker.getStageInfo(i))]
            if not stages:
                continue
            done = min(info.numCompletedTasks / max(info.numTasks, 1) for info in stages)
            text = f"... {int(done * images):,} of {images:,} images" if images else f"... {done:.0%}"
            if text != last:
                say(text)
            last = text
            if images and done:
                seconds = time.time() - started
                course.append((round(seconds), done * images / seconds))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield course
    finally:
        ended.set()
        thread.join()
