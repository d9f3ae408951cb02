"""Several models against one, on the same images: differences in accuracy, and whether they are significant."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from kindred.evaluation import multi_label_intervals, multi_label_scoring
from kindred.evaluation.score_intervals import accuracy_difference_interval
from kindred.learning import metrics
from kindred.learning.multi_label import Labels

SIGNIFICANT = 0.05  # p below which a difference counts as shown


def paired_accuracy(correct: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """A row for each model but the first: how much more accurate it is than the first, with a 95 % interval (that of
    the stage evaluate), McNemar's p, and that corrected for the number of comparisons. `correct`: by the model's name
    whether it is right (1) or wrong (0) on the images [n]. Columns run, difference, low, high, p, p_corrected.

    >>> table = paired_accuracy({"first": np.array([0, 0, 1, 1]), "other": np.array([1, 0, 1, 1])})
    >>> table[["run", "difference", "p"]].to_numpy().tolist()
    [['other', 0.25, 1.0]]
    """
    (_, reference), *others = ((name, values.astype(float)) for name, values in correct.items())
    rows = []
    for name, values in others:
        low, high = accuracy_difference_interval(reference, values)
        p = metrics.mcnemar_p(values, reference)
        rows.append({"run": name, "difference": (values - reference).mean(), "low": low, "high": high, "p": p})
    table = pd.DataFrame(rows)
    return table.assign(p_corrected=holm(table["p"].to_numpy()))


def paired_sets(
    labels: Labels, models: Mapping[str, tuple[np.ndarray, np.ndarray]], scores: Sequence[str]
) -> pd.DataFrame:
    """The same of several labels an image: for each model but the first the differences in some of
    `multi_label_scoring.scores`, with intervals by resampling the images that hold for all models together. `models`:
    probabilities [n, k] and thresholds [k] by name. Columns run and, of each score, <score>, <score>_low, <score>_high.

    >>> labels, limits = Labels(np.ones((4, 1), bool), np.array([[1], [1], [0], [0]], bool)), np.array([0.5])
    >>> models = {"first": (np.array([[0.9], [0.1], [0.6], [0.1]]), limits), "other": (labels.present * 1.0, limits)}
    >>> paired_sets(labels, models, ["micro_f1"])[["run", "micro_f1"]].to_numpy().tolist()
    [['other', 0.5]]
    """
    (_, reference), *others = models.items()
    base, rows = multi_label_scoring.scores(*reference, labels), []
    for name, model in others:
        own = multi_label_scoring.scores(*model, labels)
        ends = multi_label_intervals.intervals(labels, *reference, *model, comparisons=len(others))
        row: dict[str, Any] = {"run": name}
        for score in scores:
            if score in own:
                row[score] = own[score] - base[score]
                row |= {f"{score}_{end}": ends.loc[score, f"difference_{end}"] for end in ("low", "high")}
        rows.append(row)
    return pd.DataFrame(rows)


def holm(p: np.ndarray) -> np.ndarray:
    """p values [n], corrected for their number: where no difference is true, the probability that any of them is below
    a threshold is at most that threshold.

    Source: S. Holm, A Simple Sequentially Rejective Multiple Test Procedure (Scandinavian Journal of Statistics 1979).

    >>> holm(np.array([0.01, 0.04, 0.03])).round(4).tolist()
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p, kind="stable")
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1)
    return corrected
