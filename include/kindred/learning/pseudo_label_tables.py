"""The tables around pseudo-labels: given labels as arrays, and verdicts as rows, each with what spoke for it."""

import numpy as np
import pandas as pd
import pyarrow as pa

from kindred.learning import refusal_reasons
from kindred.learning.class_numbers import class_numbers
from kindred.learning.pseudo_label_types import ALL, Given, Pool, Verdict
from kindred.learning.pseudo_labels import nearest_given
from kindred.runtime import arrow
from kindred.runtime.errors import InputError

ROUND = 1
SCORES = pa.map_(pa.string(), pa.float64())


def given(labels: pa.Table, out_of_fold: pa.Table, ids: np.ndarray, classes: list[str]) -> Given:
    """The tables `labels` and `out_of_fold` (for the folds) as arrays that point into `ids`, in their order."""
    label = arrow.by_id(labels)
    fold = arrow.by_id(out_of_fold, "fold")
    rows = np.flatnonzero(pd.Index(ids).isin(list(label)))
    if len(rows) < len(label) or len(fold) < len(label):
        missing = min(set(label) - (set(ids) & set(fold)))
        raise InputError(
            f"{missing} has a given label, but no features or no fold; run the stages before this one again"
        )
    number = class_numbers(classes)
    return Given(
        rows, np.array([number[label[i]] for i in ids[rows]]), np.array([fold[i] for i in ids[rows]], dtype=int)
    )


def accepted(verdict: Verdict, pool: Pool, known: Given, unlabelled: np.ndarray, classes: list[str]) -> pa.Table:
    """Rows of `pseudo_labels`: the unlabelled rows that get a label, with every labeller's probability of it and the
    nearest given images.
    """
    rows = unlabelled[verdict.accepted[unlabelled]]
    nearest = nearest_given(pool, known, rows).tolist() if len(rows) else []
    return pa.table(
        {
            **_labels(verdict, pool, rows, classes),
            "scores": _scores(verdict, rows),
            "round": np.full(len(rows), ROUND, np.int32),
            "nearest": pa.array(nearest, pa.list_(pa.string())),
        }
    )


def refused(verdict: Verdict, pool: Pool, unlabelled: np.ndarray, classes: list[str]) -> pa.Table:
    """Rows of `refused`: the other unlabelled rows, with the label that they would have had and the reason."""
    rows = unlabelled[~verdict.accepted[unlabelled]]
    return pa.table(
        {
            "image_id": pool.ids[rows],
            "label": np.array(classes)[verdict.labels[rows]],
            "confidence": verdict.confidence[rows],
            "reason": verdict.reasons[rows].astype(str),
            "scores": _scores(verdict, rows),
        }
    )


def by_fold(verdicts: dict[int, Verdict], pool: Pool, unlabelled: np.ndarray, classes: list[str]) -> pa.Table:
    """Rows of `pseudo_labels_by_fold`."""
    parts = []
    for view, verdict in verdicts.items():
        if view != ALL:
            rows = unlabelled[verdict.accepted[unlabelled]]
            parts.append(
                pa.table({"fold": np.full(len(rows), view, np.int32), **_labels(verdict, pool, rows, classes)})
            )
    return pa.concat_tables(parts)


def figures(verdict: Verdict, unlabelled: np.ndarray) -> dict[str, float]:
    count = int(verdict.accepted[unlabelled].sum())
    novel = int((verdict.reasons[unlabelled] == refusal_reasons.OUT_OF_DISTRIBUTION).sum())
    coverage = count / len(unlabelled)
    return {
        "pseudo/unlabelled": len(unlabelled),
        "pseudo/count": count,
        "pseudo/coverage": coverage,
        "pseudo/novel": novel,
    }


def summary(figures: dict[str, float]) -> str:
    """The figures as the console shows them."""
    text = f"{figures['pseudo/count']:,} of {figures['pseudo/unlabelled']:,} unlabelled images"
    if figures["pseudo/novel"]:
        text += f", {figures['pseudo/novel']:,} excluded as out of distribution"
    if "pseudo/estimated_precision" in figures:
        low, high = (figures[f"pseudo/estimated_precision_{end}"] for end in ("low", "high"))
        text += f"; {figures['pseudo/estimated_precision']:.1%} right by estimate ({low:.1%} to {high:.1%})"
    return text


def _labels(verdict: Verdict, pool: Pool, rows: np.ndarray, classes: list[str]) -> dict:
    """The columns that all tables of labels have. A pseudo-label weighs what it is likely to be right."""
    return {
        "image_id": pool.ids[rows],
        "label": np.array(classes)[verdict.labels[rows]],
        "confidence": verdict.confidence[rows],
        "source": np.full(len(rows), "pseudo"),
        "weight": verdict.confidence[rows],
    }


def _scores(verdict: Verdict, rows: np.ndarray) -> pa.Array:
    """For each row the probability that each labeller gives to its label, and its novelty."""
    columns = {name: opinion[rows, verdict.labels[rows]] for name, opinion in verdict.opinions.items()}
    if verdict.novelty is not None:
        columns["novelty"] = verdict.novelty[rows]
    pairs = [list(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return pa.array(pairs, SCORES)
