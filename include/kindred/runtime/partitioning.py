"""How a job's work is cut into tasks and batches: by the number of images and their bytes, so that memory and the time
of a task stay what they are as the data grow. The environment may set other sizes.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from kindred.runtime.errors import InputError

T = TypeVar("T")

TASKS_PER_CORE = 2  # at least, so that a slow task does not leave the other cores idle for long
FILE_BYTES = 128 * 2**20  # of a table's file: what Spark reads in one task
IMAGES_PER_TASK = ("KINDRED_IMAGES_PER_TASK", 256)
BATCH_IMAGES = ("KINDRED_BATCH_IMAGES", 256)  # rows that go to a Python worker at once, where they are small
BATCH_MEGABYTES = ("KINDRED_BATCH_MEGABYTES", 64)  # and where they are big


def tasks(spark: Any, images: int) -> int:
    """The number of tasks for a number of images that have to be decoded."""
    by_images = -(-images // _size(*IMAGES_PER_TASK))
    return max(1, min(images, max(shuffle_partitions(spark), by_images)))


def shuffle_partitions(spark: Any) -> int:
    """The number of partitions of a join or a sort, where Spark's adaptive execution does not merge or split them."""
    return TASKS_PER_CORE * spark.sparkContext.defaultParallelism


def files(spark: Any, size: int) -> int:
    """How many files for a table of so many bytes: one a task of a sort, or more to stay within FILE_BYTES each."""
    return max(shuffle_partitions(spark), -(-size // FILE_BYTES))


def batch_settings() -> dict[str, str]:
    """Spark's settings of the Arrow batches between its JVM and its Python workers."""
    return {
        "spark.sql.execution.arrow.maxRecordsPerBatch": str(_size(*BATCH_IMAGES)),
        "spark.sql.execution.arrow.maxBytesPerBatch": str(batch_bytes()),
    }


def batch_bytes() -> int:
    """The bytes that a Python worker hands back, or takes, at once."""
    return _size(*BATCH_MEGABYTES) * 2**20


def batches(rows: Iterable[T], size_of: Callable[[T], int], max_bytes: int) -> Iterator[list[T]]:
    """The rows in lists of up to `max_bytes` bytes; a bigger row is alone in its list.

    >>> list(batches(["aaa", "bb", "c", "dddddddd"], len, 5))
    [['aaa', 'bb'], ['c'], ['dddddddd']]
    """
    batch: list[T] = []
    total = 0
    for row in rows:
        size = size_of(row)
        if batch and total + size > max_bytes:
            yield batch
            batch, total = [], 0
        batch.append(row)
        total += size
    if batch:
        yield batch


def _size(variable: str, default: int) -> int:
    text = os.environ.get(variable) or str(default)
    if not text.isdecimal() or int(text) < 1:
        raise InputError(f"{variable} must be a whole number from 1, not {text!r}")
    return int(text)
