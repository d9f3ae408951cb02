"""The tables around pseudo-labels: given labels as arrays, and pseudo-labels as rows, each with its evidence."""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from kindred.features import neighbours
from kindred.learning import refusal_reasons
from kindred.learning.class_numbers import class_numbers
from kindred.learning.folds import ALL
from kindred.learning.pseudo_label_types import GivenLabels, Pool, PseudoLabels
from kindred.runtime import arrow
from kindred.runtime.errors import InputError

ROUND = 1  # of self-training: there is one
NEAREST_GIVEN = 3  # given images that a pseudo-label's row names
BLOCK_ROWS = 4096  # whose unit vectors are held at once
SCORES = pa.map_(pa.string(), pa.float64())


def given_labels(labels: pa.Table, out_of_fold: pa.Table, ids: np.ndarray, classes: list[str]) -> GivenLabels:
    """The tables `labels` and `out_of_fold` (for the folds) as arrays that point into `ids`, in their order. The only
    label of a class has no fold, nor has any where nothing is held out.
    """
    label = arrow.by_id(labels)
    counts = Counter(label.values())
    fold = {i: ALL for i, name in label.items() if counts[name] == 1 or not len(out_of_fold)}
    fold |= arrow.by_id(out_of_fold, "fold")
    rows = np.flatnonzero(pd.Index(ids).isin(list(label)))
    if len(rows) < len(label) or len(fold) < len(label):
        missing = min(set(label) - (set(ids) & set(fold)))
        raise InputError(
            f"{missing} has a given label, but no features or no fold; run the stages before this one again"
        )
    number = class_numbers(classes)
    return GivenLabels(
        rows, np.array([number[label[i]] for i in ids[rows]]), np.array([fold[i] for i in ids[rows]], dtype=int)
    )


def accepted(
    pseudo: PseudoLabels, pool: Pool, given: GivenLabels, unlabelled: np.ndarray, classes: list[str]
) -> pa.Table:
    """Rows of `pseudo_labels`: the unlabelled rows that get a label, with every labeller's probability of it and the
    nearest given images.
    """
    rows = unlabelled[pseudo.accepted[unlabelled]]
    nearest = nearest_given(pool, given.rows, rows).tolist() if len(rows) else []
    return pa.table(
        {
            **_labels(pseudo, pool, rows, classes),
            "scores": _scores(pseudo, rows),
            "round": np.full(len(rows), ROUND, np.int32),
            "nearest": pa.array(nearest, pa.list_(pa.string())),
        }
    )


def refused(pseudo: PseudoLabels, pool: Pool, unlabelled: np.ndarray, classes: list[str]) -> pa.Table:
    """Rows of `refused`: the other unlabelled rows, with the label that they would have had and the reason."""
    rows = unlabelled[~pseudo.accepted[unlabelled]]
    return pa.table(
        {
            "image_id": pool.ids[rows],
            "label": np.array(classes)[pseudo.labels[rows]],
            "confidence": pseudo.confidence[rows],
            "reason": pseudo.reasons[rows].astype(str),
            "scores": _scores(pseudo, rows),
        }
    )


def by_fold(assigned: dict[int, PseudoLabels], pool: Pool, unlabelled: np.ndarray, classes: list[str]) -> pa.Table:
    """Rows of `pseudo_labels_by_fold`."""
    parts = []
    for fold, pseudo in assigned.items():
        if fold != ALL:
            rows = unlabelled[pseudo.accepted[unlabelled]]
            parts.append(pa.table({"fold": np.full(len(rows), fold, np.int32), **_labels(pseudo, pool, rows, classes)}))
    return pa.concat_tables(parts) if parts else arrow.schema("pseudo_labels_by_fold").empty_table()


def nearest_given(pool: Pool, given: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The ids of the given images, rows of the pool too, nearest to each of `rows`, nearest first: [rows, up to
    NEAREST_GIVEN].
    """
    centre = pool.features.mean(axis=0, dtype=np.float64)
    gallery = neighbours.unit_vectors(pool.features[given], centre)
    found = []
    for block in np.array_split(rows, -(-len(rows) // BLOCK_ROWS)):
        queries = neighbours.unit_vectors(pool.features[block], centre)
        found.append(neighbours.nearest(gallery, queries, min(NEAREST_GIVEN, len(given)), pool.threads)[1])
    ids: np.ndarray = pool.ids[given[np.concatenate(found)]]
    return ids


def figures(pseudo: PseudoLabels, unlabelled: np.ndarray) -> dict[str, float]:
    """How many of the unlabelled rows are accepted, and how many are out of distribution, by name."""
    count = int(pseudo.accepted[unlabelled].sum())
    return {
        "pseudo/unlabelled": len(unlabelled),
        "pseudo/count": count,
        "pseudo/coverage": count / max(len(unlabelled), 1),
        "pseudo/novel": int((pseudo.reasons[unlabelled] == refusal_reasons.OUT_OF_DISTRIBUTION).sum()),
    }


def summary(figures: dict[str, float]) -> str:
    """The figures in one line, for the console."""
    text = f"{figures['pseudo/count']:,} of {figures['pseudo/unlabelled']:,} unlabelled images"
    if figures["pseudo/novel"]:
        text += f", {figures['pseudo/novel']:,} excluded as out of distribution"
    if "pseudo/estimated_precision" in figures:
        low, high = (figures[f"pseudo/estimated_precision_{end}"] for end in ("low", "high"))
        text += f"; {figures['pseudo/estimated_precision']:.1%} right by estimate ({low:.1%} to {high:.1%})"
    return text


def _labels(pseudo: PseudoLabels, pool: Pool, rows: np.ndarray, classes: list[str]) -> dict[str, Any]:
    """The columns that all tables of labels have. A pseudo-label's weight is the probability that it is right."""
    return {
        "image_id": pool.ids[rows],
        "label": np.array(classes)[pseudo.labels[rows]],
        "confidence": pseudo.confidence[rows],
        "source": np.full(len(rows), "pseudo"),
        "weight": pseudo.confidence[rows],
    }


def _scores(pseudo: PseudoLabels, rows: np.ndarray) -> pa.Array:
    """For each row the probability that each labeller gives to its label, and its novelty."""
    columns = {name: p[rows, pseudo.labels[rows]] for name, p in pseudo.probabilities.items()}
    if pseudo.novelty is not None:
        columns["novelty"] = pseudo.novelty[rows]
    pairs = [list(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return pa.array(pairs, SCORES)
