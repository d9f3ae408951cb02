"""Given labels propagated to their clusters, as the study does it: each propagated label counts as much as a given
one.
"""

import numpy as np
import pyarrow as pa

from kindred.learning.folds import ALL
from kindred.learning.labellers import clusters
from kindred.learning.pseudo_label_types import GivenLabels, Pool, Settings, View
from kindred.learning.saved_clustering import SavedClustering


class ClusteredPool(Pool):
    """A pool whose clustering is known: what the labeller `clusters` looks at."""

    def __init__(self, ids: np.ndarray, clustering: SavedClustering) -> None:
        super().__init__(ids, np.empty((len(ids), 0), np.float32), threads=1)
        self.clustering = clustering

    def clusters(self, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        return self.clustering.cluster, self.clustering.distance


def propagate(
    given: GivenLabels, ids: np.ndarray, clustering: SavedClustering, percentile: float, classes: list[str]
) -> tuple[pa.Table, pa.Table]:
    """The given labels propagated by the labeller `clusters`, as the tables pseudo_labels and pseudo_labels_by_fold:
    image_id, label, weight (1) of the images `ids` [n] that had no label; and fold.
    """
    settings = Settings(percentile=percentile, clusters=len(clustering.centroids), novelty=False)
    pool, no_base = ClusteredPool(ids, clustering), np.zeros((len(ids), len(classes)))
    propagated = {}
    for fold in given.views():
        known = given.known_to(fold)
        view = View(pool, given.rows[known], given.labels[known], no_base, settings)
        probabilities = clusters.probabilities(view, None)
        rows = np.setdiff1d(np.flatnonzero(probabilities.any(axis=1)), given.rows)
        labels = np.array(classes)[probabilities[rows].argmax(axis=1)]
        propagated[fold] = pa.table({"image_id": ids[rows], "label": labels, "weight": np.ones(len(rows))})
    on_all = propagated.pop(ALL)
    by_fold = [
        table.append_column("fold", pa.array(np.full(len(table), fold, np.int32))) for fold, table in propagated.items()
    ]
    return on_all, pa.concat_tables(by_fold)


def figures(propagated: pa.Table | None, truth: dict[str, str]) -> dict[str, float]:
    """How many labels were propagated, and the share of right ones among those whose truth (label by image_id) is
    known, by name; nothing for a cell that propagates none, and no share where no truth is known.
    """
    if propagated is None:
        return {}
    pairs = zip(propagated["image_id"].to_pylist(), propagated["label"].to_pylist(), strict=True)
    right = [truth[image_id] == label for image_id, label in pairs if image_id in truth]
    return {"propagated": len(propagated), **({"propagated_right": float(np.mean(right))} if right else {})}


def summary(figures: dict[str, float]) -> str:
    """The rest of a line for the console, from `figures`.

    >>> summary({"propagated": 1500, "propagated_right": 0.875})
    ', 1,500 propagated (87.5% right)'
    """
    if "propagated" not in figures:
        return ""
    right = f" ({figures['propagated_right']:.1%} right)" if "propagated_right" in figures else ""
    return f", {figures['propagated']:,} propagated{right}"
