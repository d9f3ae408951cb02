"""Which known labels a run is given. Images are ordered by hashes of their ids, so a choice repeats."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from kindred.features import kmeans
from kindred.runtime import arrow
from kindred.runtime.cpu import cores
from kindred.runtime.errors import InputError

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def hash_order(seed: int) -> Column:
    """A column that orders images at random, the same way every time for the same seed."""
    from pyspark.sql import functions as F

    return F.sha2(F.concat("image_id", F.lit(f":{seed}")), 256)


def allocate(
    counts: dict[str, int], per_class: int | None, total: int | None, say: Callable[[str], None]
) -> dict[str, int]:
    """How many labels each class gets, of the known `counts`: `per_class`, or its share of `total`, or all.

    Raises InputError for a total below the number of classes.

    >>> allocate({"cat": 50, "dog": 30, "eel": 20}, per_class=None, total=10, say=print)
    {'cat': 5, 'dog': 3, 'eel': 2}
    >>> allocate({"cat": 50, "dog": 8}, per_class=10, total=None, say=print)
    class 'dog' has only 8 labelled training images; all are used
    {'cat': 10, 'dog': 8}
    """
    if per_class is not None:
        for label, count in sorted(counts.items()):
            if count < per_class:
                say(f"class {label!r} has only {count} labelled training images; all are used")
        return {label: min(per_class, count) for label, count in counts.items()}
    known = sum(counts.values())
    if total is None or total >= known:
        if total is not None and total > known:
            say(f"only {known:,} labels are known; all are used")
        return dict(counts)
    if total < len(counts):
        raise InputError(f"labels is {total}, fewer than the {len(counts)} classes; each needs one")
    return _largest_remainders({label: total * count / known for label, count in counts.items()}, total)


def choose_stratified(known: DataFrame, quotas: dict[str, int], seed: int) -> DataFrame:
    """The given labels, as the table `labels`: of each class the first `quotas[class]` in hash order. `known`:
    image_id, label.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    rank = F.row_number().over(Window.partitionBy("label").orderBy(hash_order(seed)))
    quota = known.sparkSession.createDataFrame(sorted(quotas.items()), "label string, quota int")
    chosen = known.withColumn("rank", rank).join(F.broadcast(quota), "label", how="inner").where("rank <= quota")
    return _as_given(chosen)


def choose_unstratified(known: DataFrame, total: int | None, seed: int) -> DataFrame:
    """The first `total` labels in hash order, or all, whatever their classes, as the table `labels`."""
    chosen = known.orderBy(hash_order(seed))
    return _as_given(chosen if total is None else chosen.limit(total))


def representatives(known: pa.Table, centroids: np.ndarray, ids: np.ndarray, features: np.ndarray) -> pa.Table:
    """The labels of the images of `known` nearest to each centroid [k, d], each image once, as the table `labels`."""
    label = arrow.by_id(known)
    candidates = np.flatnonzero(pd.Index(ids).isin(list(label)))
    return rows_of(known, ids[candidates[kmeans.representatives(features[candidates], centroids, cores())]])


def rows_of(known: pa.Table, chosen: np.ndarray) -> pa.Table:
    """The labels of the images with the ids `chosen`, as the table `labels`. `known`: image_id, label."""
    label, count = arrow.by_id(known), len(chosen)
    columns = {"image_id": chosen, "label": [label[i] for i in chosen]}
    return pa.table({**columns, "confidence": np.ones(count), "source": np.full(count, "given")}).sort_by("image_id")


def check_budget(total: int, known: int) -> None:
    """Raise InputError where fewer labels are known than are to be given.

    >>> check_budget(31, known=30)
    Traceback (most recent call last):
    kindred.runtime.errors.InputError: labels is 31; only 30 images have a known label to give
    """
    if total > known:
        raise InputError(f"labels is {total:,}; only {known:,} images have a known label to give")


def check_classes(counts: dict[str, int], classes: list[str]) -> None:
    """Raise InputError unless each class has a labelled training image, and there are two or more."""
    if not classes:
        raise InputError("no image has a label; label a few of them, or cluster them: DAG=unsupervised_classification")
    if len(classes) < 2:
        raise InputError(f"all labels are of one class, {classes[0]!r}; a classifier needs at least two")
    for label in classes:
        if not counts.get(label):
            raise InputError(f"class {label!r} has no labelled training image")


def _as_given(chosen: DataFrame) -> DataFrame:
    from pyspark.sql import functions as F

    return chosen.select("image_id", "label", F.lit(1.0).alias("confidence"), F.lit("given").alias("source"))


def _largest_remainders(shares: dict[str, float], total: int) -> dict[str, int]:
    """Whole numbers that add up to `total`, near the shares and at least 1 (Hamilton's method)."""
    chosen = {label: max(1, int(share)) for label, share in shares.items()}
    by_remainder = sorted(shares, key=lambda label: (chosen[label] - shares[label], label))
    for label in by_remainder[: max(0, total - sum(chosen.values()))]:
        chosen[label] += 1
    while sum(chosen.values()) > total:  # classes too rare for a label of their own got one
        chosen[max(chosen, key=lambda label: (chosen[label], label))] -= 1
    return chosen
