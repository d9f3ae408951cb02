"""The tables around pseudo-labels of images with several labels: a row for each image and class."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from kindred.learning import refusal_reasons
from kindred.learning.label_quotas import Chosen
from kindred.learning.multi_label import Labels
from kindred.learning.pseudo_label_tables import ROUND, SCORES
from kindred.runtime import arrow


def accepted(
    pseudo: Labels, values: np.ndarray, ids: np.ndarray, nearest: np.ndarray, classes: Sequence[str]
) -> pa.Table:
    """Rows of `pseudo_labels`, of the images `ids` [m]: what is accepted, by the probabilities `values` [m, k] of base;
    `nearest` [m, n] are the ids of the nearest given images of each.
    """
    rows, numbers = np.nonzero(pseudo.known)
    table = _pairs(rows, numbers, pseudo.present[rows, numbers], values, ids, classes)
    count = len(table)
    return pa.table(
        {
            **{name: table[name] for name in table.column_names},
            "source": pa.array(["pseudo"] * count, pa.string()),
            "weight": np.ones(count),
            "round": np.full(count, ROUND, np.int32),
            "scores": pa.array([[("confidence", value)] for value in table["confidence"].to_pylist()], SCORES),
            "nearest": pa.array(nearest[rows].tolist(), pa.list_(pa.string())),
        }
    )


def refused(
    pseudo: Labels, values: np.ndarray, thresholds: Sequence[float], ids: np.ndarray, classes: Sequence[str]
) -> pa.Table:
    """Rows of `refused`: the other pairs of image and class, as base predicts them."""
    rows, numbers = np.nonzero(~pseudo.known)
    predicted = (values >= np.asarray(thresholds))[rows, numbers]
    table = _pairs(rows, numbers, predicted, values, ids, classes)
    scores = pa.array([[("confidence", value)] for value in table["confidence"].to_pylist()], SCORES)
    return table.append_column(
        "reason", pa.array([refusal_reasons.BEYOND_QUOTA] * len(table), pa.string())
    ).append_column("scores", scores)


def by_fold(
    pseudo: Sequence[Labels], values: Sequence[np.ndarray], ids: np.ndarray, classes: Sequence[str]
) -> pa.Table:
    """Rows of `pseudo_labels_by_fold`: what is accepted for each fold, by probabilities of the base that did not see
    it.
    """
    parts = []
    for fold, (labels, own) in enumerate(zip(pseudo, values, strict=True)):
        rows, numbers = np.nonzero(labels.known)
        table = _pairs(rows, numbers, labels.present[rows, numbers], own, ids, classes)
        count = len(table)
        columns = {
            "fold": np.full(count, fold, np.int32),
            "source": pa.array(["pseudo"] * count, pa.string()),
            "weight": np.ones(count),
        }
        parts.append(pa.table({**{name: table[name] for name in table.column_names}, **columns}))
    return pa.concat_tables(parts) if parts else arrow.schema("pseudo_labels_by_fold").empty_table()


def figures(chosen: Chosen) -> dict[str, float]:
    """How many of the unlabelled images, and of their pairs with a class, are accepted, by name."""
    pseudo = chosen.labels[-1]
    images = int(pseudo.known.any(axis=1).sum())
    return {
        "pseudo/unlabelled": len(pseudo),
        "pseudo/count": images,
        "pseudo/coverage": images / max(len(pseudo), 1),
        "pseudo/novel": 0,
        "pseudo/quota": chosen.quota,
        "pseudo/pairs": int(pseudo.known.sum()),
        "pseudo/positives": int((pseudo.present & pseudo.known).sum()),
    }


def summary(figures: dict[str, float]) -> str:
    """The figures in one line, for the console."""
    text = f"quota {figures['pseudo/quota']:.0%} by the log loss out of fold"
    if not figures["pseudo/quota"]:
        return f"{text}: no pseudo-label, as none lowers it"
    return (
        f"{text}: {figures['pseudo/pairs']:,} labels ({figures['pseudo/positives']:,} present, the others absent) of "
        f"{figures['pseudo/count']:,} of {figures['pseudo/unlabelled']:,} unlabelled images"
    )


def _pairs(
    rows: np.ndarray,
    numbers: np.ndarray,
    present: np.ndarray,
    values: np.ndarray,
    ids: np.ndarray,
    classes: Sequence[str],
) -> pa.Table:
    """image_id, label, present and confidence, the probability of what is said, of pairs of an image and a class."""
    own = values[rows, numbers]
    columns = {
        "image_id": pa.array(ids[rows], pa.string()),
        "label": pa.array(np.array(classes, object)[numbers], pa.string()),
        "present": pa.array(present),
        "confidence": np.where(present, own, 1 - own),
    }
    return pa.table(columns)
