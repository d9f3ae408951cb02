"""How much of the Spark work that runs meanwhile is done, and how long the rest will take."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from kindred.runtime.durations import Countdown

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

INTERVAL_SECONDS = 2.0

SparkStage = tuple[int, int, int]  # id, completed tasks, tasks


class Passes:
    """The passes over the images, one after another, that Spark makes for some work: how many there will be is not
    known before. One that is over before it is seen does not count.

    >>> passes = Passes()
    >>> passes.see([(1, 0, 8)]), passes.see([(1, 2, 8)]), passes.see([(2, 0, 4)]), passes.see([(2, 3, 4)])
    ((1, 0.0), (1, 0.25), (2, 0.0), (2, 0.75))
    """

    def __init__(self) -> None:
        self._stages: dict[int, tuple[int, int]] = {}
        self._number = 0
        self._done = 0.0

    def see(self, active: Sequence[SparkStage]) -> tuple[int, float]:
        """The number of the pass that the active Spark stages (one or more) belong to, from 1, and the share of it that
        is done, which never falls.
        """
        if not any(stage in self._stages for stage, _, _ in active):
            self._stages, self._done, self._number = {}, 0.0, self._number + 1
        self._stages |= {stage: (completed, tasks) for stage, completed, tasks in active}
        completed, tasks = (sum(column) for column in zip(*self._stages.values(), strict=True))
        self._done = max(self._done, completed / max(tasks, 1))
        return self._number, self._done


class Report:
    """The lines about the passes over `images` (None: their number is not known). A second pass that has a line says
    so.
    """

    def __init__(self, images: int | None) -> None:
        self._images = images
        self._said: list[int] = []  # the passes that had a line

    def line(self, seconds: float, number: int, done: float) -> str:
        """The line for the share `done` of the pass `number`, `seconds` after the start; empty where nothing is done.

        >>> report = Report(5000)
        >>> [report.line(3, 1, 0.0), report.line(5, 2, 0.25), report.line(9, 3, 0.5)]
        ['', '... 1,250 of 5,000 images', '... pass 2: 2,500 of 5,000 images']
        """
        if not done:
            return ""
        if number not in self._said:
            self._said.append(number)
            self._countdown = Countdown(self._images or 1)
        left = self._countdown.left(seconds, done * (self._images or 1))
        count = f"{int(done * self._images):,} of {self._images:,} images" if self._images else f"{done:.0%}"
        return f"... {f'pass {len(self._said)}: ' if len(self._said) > 1 else ''}{count}{left}"


@contextlib.contextmanager
def watched(
    spark: SparkSession, say: Callable[[str], None], images: int | None = None
) -> Iterator[list[tuple[int, float]]]:
    """Report every few seconds how much of the Spark work inside the block is done, as a number of `images` or in per
    cent, and how long the rest will take. The list that the block gets fills with (whole seconds so far, images a
    second so far).
    """
    ended, started = threading.Event(), time.time()
    course: list[tuple[int, float]] = []
    tracker = spark.sparkContext.statusTracker()

    def watch() -> None:
        passes, report, last = Passes(), Report(images), ""
        while not ended.wait(INTERVAL_SECONDS):
            stages = [info for i in tracker.getActiveStageIds() if (info := tracker.getStageInfo(i))]
            if not stages:
                continue
            number, done = passes.see([(info.stageId, info.numCompletedTasks, info.numTasks) for info in stages])
            seconds = time.time() - started
            text = report.line(seconds, number, done)
            if text and text != last:
                say(text)
                last = text
            if images and done:
                course.append((round(seconds), done * images / seconds))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield course
    finally:
        ended.set()
        thread.join()
