"""The scores of base and of the other model side by side, in numbers and in words."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

TITLES = {  # name of the score: its title, and whether more is better
    "accuracy": ("Accuracy", True),
    "f1": ("F1", True),
    "mcc": ("MCC", True),
    "precision": ("Precision", True),
    "recall": ("Recall", True),
    "false_positive_rate": ("False positive rate", False),
    "log_loss": ("Log loss", False),
    "roc_auc": ("ROC AUC", True),
    "expected_calibration_error": ("Expected calibration error", False),
}
SET_TITLES = {  # the same of images with several labels
    "mean_average_precision": ("Mean average precision (mAP)", True),
    "micro_f1": ("Micro F1", True),
    "macro_f1": ("Macro F1", True),
    "subset_accuracy": ("Subset accuracy", True),
    "ranking_average_precision": ("Label ranking (LRAP)", True),
    "hamming_loss": ("Hamming loss", False),
    "one_error": ("One-error", False),
    "log_loss": ("Log loss", False),
    "expected_calibration_error": ("Expected calibration error", False),
}
MORE_IS_BETTER = dict([*TITLES.values(), *SET_TITLES.values()])
DIRECTIONS = "↑: higher is better, ↓: lower is better."
NO_DIFFERENCE = "no difference shown"


def score_table(figures: dict[str, float], titles: Mapping[str, tuple[str, bool]] = TITLES) -> pd.DataFrame:
    """A row for each score: base, other (the candidate), difference, each with low and high."""
    rows = {}
    for name, (title, _) in titles.items():
        if f"base/test/{name}" not in figures:
            continue
        row = {}
        for model, key in (("base", "base"), ("candidate", "other")):
            for end in ("", "_low", "_high"):
                row[f"{key}{end}"] = figures[f"{model}/test/{name}{end}"]
        row["difference"] = row["other"] - row["base"]
        for end in ("low", "high"):
            row[f"difference_{end}"] = figures[f"candidate/test/{name}_difference_{end}"]
        rows[title] = row
    return pd.DataFrame(rows).T


def score_texts(table: pd.DataFrame, other: str, compared: bool) -> pd.DataFrame:
    """The `score_table` as a person reads it: each value with its interval, and whether `other` is better or worse."""
    columns = {"base": "base" if other == "final" else "base = final"}
    if compared:
        columns |= {"other": other, "difference": f"{other} minus base"}
    texts = pd.DataFrame({"": [directed(title) for title in table.index]})
    for key, title in columns.items():
        sign = "+" if key == "difference" else ""
        texts[title] = [
            f"{row[key]:{sign}.4f} ({row[f'{key}_low']:{sign}.4f} to {row[f'{key}_high']:{sign}.4f})"
            for row in table.to_dict("records")
        ]
    if compared:
        rows = zip(table.index, table.to_dict("records"), strict=True)
        texts["result"] = [result(row, MORE_IS_BETTER[title]) for title, row in rows]
    return texts


def directed(title: str) -> str:
    """The title of a score with its direction.

    >>> directed("Accuracy"), directed("Log loss")
    ('Accuracy ↑', 'Log loss ↓')
    """
    return f"{title} {'↑' if MORE_IS_BETTER[title] else '↓'}"


def points(difference: float) -> str:
    """A difference of shares in percentage points, with its sign.

    >>> points(0.021)
    '+2.1'
    """
    return f"{100 * difference:+.1f}"


def result(row: dict[Any, float], more_is_better: bool) -> str:
    """What the interval of a difference shows: better, worse, or NO_DIFFERENCE."""
    if row["difference_low"] <= 0 <= row["difference_high"]:
        return NO_DIFFERENCE
    return "better" if (row["difference"] > 0) == more_is_better else "worse"
