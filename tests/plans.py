"""Training plans for tests, and points that overlap a little."""

import numpy as np
import pandas as pd

from kindred.learning.folds import ALL

FOLDS = 3
IDS = np.array(list("zyxabcdef"), dtype=object)  # of mixed_plan()
LEARNED = {0: "abdey", 1: "acdfz", 2: "bcef", ALL: "abcdefxz"}  # of mixed_plan(), by fold
HELD_OUT = {0: "cf", 1: "be", 2: "ad"}


def mixed_plan() -> pd.DataFrame:
    """Given labels a to f in folds 0, 1, 2; pseudo-labels x for the fit on all, y for fold 0, z for fold 1 and all."""
    rows = [(name, i % 2, 1.0, True, i % FOLDS) for i, name in enumerate("fedcba")]
    rows += [("x", 0, 1.0, False, ALL), ("y", 0, 1.0, False, 0), ("z", 1, 1.0, False, 1), ("z", 1, 1.0, False, ALL)]
    return pd.DataFrame(rows, columns=["image_id", "label", "weight", "given", "fold"])


def given_plan(ids: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """A plan of given labels."""
    fold = (np.arange(len(ids)) // 2 % FOLDS).astype(np.int32)
    return pd.DataFrame({"image_id": ids, "label": labels, "weight": 1.0, "given": True, "fold": fold})


def clouds(classes: int = 2, each: int = 30, apart: float = 2.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ids [n], features [n, 3] of classes that overlap a little, and labels [n]."""
    rng = np.random.default_rng(0)
    labels = np.tile(np.arange(classes), each)
    features = (apart * np.eye(3)[labels] + rng.normal(size=(len(labels), 3))).astype(np.float32)
    return np.array([f"{i:03d}" for i in range(len(labels))], dtype=object), features, labels
