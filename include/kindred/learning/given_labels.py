"""Which known labels a run is given. Images are ordered by hashes of their ids, so a choice repeats."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa

from kindred.features import kmeans
from kindred.runtime import arrow
from kindred.runtime.cpu import cores
from kindred.runtime.errors import InputError


def hash_order(known: pa.Table, seed: int) -> pd.DataFrame:
    """`known` (image_id, label) with its images in a random order, the same one every time for the same seed."""
    rows = known.select(["image_id", "label"]).to_pandas()
    hashes = [hashlib.sha256(f"{image_id}:{seed}".encode()).hexdigest() for image_id in rows["image_id"]]
    return rows.iloc[np.argsort(hashes)]


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


def choose_stratified(known: pa.Table, quotas: dict[str, int], seed: int) -> pa.Table:
    """The given labels, as the table `labels`: of each class the first `quotas[class]` in hash order. `known`:
    image_id, label.
    """
    rows = hash_order(known, seed)
    rank = rows.groupby("label").cumcount()
    return rows_of(known, rows["image_id"][rank < rows["label"].map(quotas)].to_numpy())


def choose_unstratified(known: pa.Table, total: int, seed: int) -> pa.Table:
    """The first `total` labels in hash order, whatever their classes, as the table `labels`."""
    return rows_of(known, hash_order(known, seed)["image_id"].to_numpy()[:total])


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


def _largest_remainders(shares: dict[str, float], total: int) -> dict[str, int]:
    """Whole numbers that add up to `total`, near the shares and at least 1 (Hamilton's method)."""
    chosen = {label: max(1, int(share)) for label, share in shares.items()}
    by_remainder = sorted(shares, key=lambda label: (chosen[label] - shares[label], label))
    for label in by_remainder[: max(0, total - sum(chosen.values()))]:
        chosen[label] += 1
    while sum(chosen.values()) > total:  # classes too rare for a label of their own got one
        chosen[max(chosen, key=lambda label: (chosen[label], label))] -= 1
    return chosen
