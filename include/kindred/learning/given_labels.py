"""Which known labels a run is given, and the folds that they are cut into. Order and chance come from hashes of the
id.
"""

import hashlib
from collections import Counter
from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from kindred.features import kmeans
from kindred.runtime import arrow
from kindred.runtime.cpu import cores
from kindred.runtime.errors import InputError

LABEL_CHOICES = ("random", "representatives")


def hash_order(seed: int) -> F.col:
    """A column that orders images by chance, the same way every time for the same seed."""
    return F.sha2(F.concat("image_id", F.lit(f":{seed}")), 256)


def allot(counts: dict[str, int], per_class: int | None, total: int | None, say: Callable[[str], None]) -> dict:
    """How many labels each class gets, of the known `counts`: `per_class`, or its share of `total`, or all."""
    if per_class is not None and total is not None:
        raise InputError(f"give labels_per_class ({per_class}) or labels ({total}), not both")
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


def choose(known: DataFrame, allotted: dict[str, int], seed: int) -> DataFrame:
    """The given labels, as the table `labels`: the first of each class in hash order. `known`: image_id, label."""
    rank = F.row_number().over(Window.partitionBy("label").orderBy(hash_order(seed)))
    quota = known.sparkSession.createDataFrame(sorted(allotted.items()), "label string, quota int")
    chosen = known.withColumn("rank", rank).join(F.broadcast(quota), "label", how="inner").where("rank <= quota")
    return as_given(chosen)


def choose_anywhere(known: DataFrame, total: int | None, seed: int) -> DataFrame:
    """The first `total` labels in hash order, whatever their classes."""
    chosen = known.orderBy(hash_order(seed))
    return as_given(chosen if total is None else chosen.limit(total))


def choose_representatives(known: pa.Table, total: int, ids: np.ndarray, features: np.ndarray, seed: int) -> pa.Table:
    """As many labels as `total`, of the images nearest to the centroids of as many clusters of all images; a table
    `labels`. `known`: image_id, label; `ids` and `features` [n, d]: the images to cluster, those of `known` among them.
    """
    check_budget(total, len(known))
    centroids, _, _ = kmeans.kmeans(features, total, cores(), seed)
    return representatives_of(known, centroids, ids, features)


def representatives_of(known: pa.Table, centroids: np.ndarray, ids: np.ndarray, features: np.ndarray) -> pa.Table:
    """The labels of the images of `known` nearest to each centroid [k, d], each image once; a table `labels`."""
    label = arrow.by_id(known)
    candidates = np.flatnonzero(pd.Index(ids).isin(list(label)))
    chosen = ids[candidates[kmeans.representatives(features[candidates], centroids, cores())]]
    count = len(chosen)
    columns = {"image_id": chosen, "label": [label[i] for i in chosen]}
    return pa.table({**columns, "confidence": np.ones(count), "source": np.full(count, "given")}).sort_by("image_id")


def as_given(chosen: DataFrame) -> DataFrame:
    return chosen.select("image_id", "label", F.lit(1.0).alias("confidence"), F.lit("given").alias("source"))


def check_budget(total: int, known: int) -> None:
    """Raise InputError where fewer labels are known than are to be given."""
    if total > known:
        raise InputError(f"labels is {total:,}; only {known:,} images have a known label to give")


def check_classes(counts: dict[str, int], classes: list[str]) -> None:
    """Raise InputError unless each class has a labelled training image, and there are two or more."""
    if len(classes) < 2:
        raise InputError(f"all labels are of one class, {classes[0]!r}; a classifier needs at least two")
    for label in classes:
        if not counts.get(label):
            raise InputError(f"class {label!r} has no labelled training image")


def fold_count(smallest: int, wanted: int, say: Callable[[str], None]) -> int:
    """The number of folds that the smallest class allows. Raises InputError below 2."""
    if smallest < 2 or wanted < 2:
        what = f"the smallest class has {smallest} given label" if smallest < 2 else f"folds is {wanted}"
        raise InputError(f"{what}; cross-validation needs at least 2")
    if smallest < wanted:
        say(f"folds lowered from {wanted} to {smallest}, the size of the smallest class")
    return min(smallest, wanted)


def in_folds(ids: list[str], labels: list[str], folds: int) -> list[int]:
    """The fold of each given label, 0 to folds - 1: stratified by class, in the order of the id's hash."""
    return [rank % folds for rank in _ranks(ids, labels)]


def in_turn(ids: list[str], labels: list) -> list[int]:
    """Rows in an order whose every beginning holds the classes about alike: the first of each class, by the id's hash,
    then the second of each, and so on.
    """
    ranks = _ranks(ids, labels)
    return sorted(range(len(ids)), key=lambda i: (ranks[i], _hash(ids[i])))


def _ranks(ids: list[str], labels: list) -> list[int]:
    """The place of each row among those of its class, in the order of the id's hash."""
    seen: Counter = Counter()
    found = [0] * len(ids)
    for i in sorted(range(len(ids)), key=lambda i: _hash(ids[i])):
        found[i] = seen[labels[i]]
        seen[labels[i]] += 1
    return found


def _hash(image_id: str) -> str:
    return hashlib.sha256(image_id.encode()).hexdigest()


def _largest_remainders(shares: dict[str, float], total: int) -> dict[str, int]:
    """Whole numbers that add up to `total`, near the shares and at least 1 (Hamilton's method)."""
    chosen = {label: max(1, int(share)) for label, share in shares.items()}
    by_remainder = sorted(shares, key=lambda label: (chosen[label] - shares[label], label))
    for label in by_remainder[: max(0, total - sum(chosen.values()))]:
        chosen[label] += 1
    while sum(chosen.values()) > total:  # classes too rare for a label of their own got one
        chosen[max(chosen, key=lambda label: (chosen[label], label))] -= 1
    return chosen
