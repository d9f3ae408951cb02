"""The published study of label propagation on Fashion-MNIST: its cells, and what a cell learns from.

A *cell* is one model: all labels on pixels or on distances to centroids; n labels on random images or on the
representatives of n clusters; those propagated to their clusters, whole or as far as a percentile. Source: A. Géron,
Hands-On Machine Learning (2nd ed., chapter 9), carried out on Fashion-MNIST with logistic regression on pixels, and
again with a convolutional network.
"""

import io
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from kindred.features import kmeans
from kindred.learning.folds import ALL
from kindred.learning.labellers import clusters
from kindred.learning.pseudo_label_types import GivenLabels, Pool, Settings, View
from kindred.runtime.errors import InputError

KINDS = ("all", "distances", "random", "representatives", "clusters")
TITLES = {
    "all": "all labels, pixels",
    "distances": "all labels, distances to centroids",
    "random": "random labels",
    "representatives": "labels on representatives",
    "clusters": "propagated to clusters",
}


@dataclass(frozen=True)
class Cell:
    """One model of the study. `labels`: how many are given (None: all known); `centroids`: of `distances`;
    `percentile`: of `clusters`; `network`: the convolutional network in place of logistic regression. Raises InputError
    for what cannot be.
    """

    kind: str
    labels: int | None = None
    centroids: int | None = None
    percentile: float | None = None
    network: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"unknown kind {self.kind!r}; known: {', '.join(KINDS)}")
        for name, count in (("labels", self.labels), ("centroids", self.centroids)):
            if count is not None and count < 2:
                raise InputError(f"{name} is {count}; it must be 2 or more")
        if self.percentile is not None and not 0 <= self.percentile <= 100:
            raise InputError(f"percentile is {self.percentile:g}; it must be from 0 to 100")

    @property
    def name(self) -> str:
        """Its folder's, and its name in MLflow."""
        numbers = (self.labels, self.centroids, self.percentile)
        kind = f"network-{self.kind}" if self.network else self.kind
        return "-".join([kind, *(f"{number:.10g}" for number in numbers if number is not None)])

    @property
    def title(self) -> str:
        """What it is, in the table."""
        return f"network, {TITLES[self.kind]}" if self.network else TITLES[self.kind]

    @property
    def k(self) -> int | None:
        """How many clusters it needs; None where it needs none."""
        return self.labels if self.kind in ("representatives", "clusters") else self.centroids


@dataclass(frozen=True)
class Clustering:
    """Centroids [k, d], and of each image, in the order of their ids, its cluster [n] and its distance to the
    centroid [n].
    """

    centroids: np.ndarray
    cluster: np.ndarray
    distance: np.ndarray

    def to_bytes(self) -> bytes:
        return _npz(centroids=self.centroids, cluster=self.cluster, distance=self.distance)

    def centroids_to_bytes(self) -> bytes:
        """The centroids alone, as `numpy.load` reads them."""
        return _npz(centroids=self.centroids)


def clustering_from_bytes(content: bytes) -> Clustering:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return Clustering(*(arrays[name] for name in ("centroids", "cluster", "distance")))


class Clustered(Pool):
    """A pool whose clustering is known: what the labeller `clusters` looks at."""

    def __init__(self, ids: np.ndarray, found: Clustering) -> None:
        super().__init__(ids, np.empty((len(ids), 0), np.float32), threads=1)
        self.found = found

    def clusters(self, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        return self.found.cluster, self.found.distance


def grid(
    budgets: Iterable[int], centroids: Iterable[int], percentiles: Iterable[float], network: bool = False
) -> list[Cell]:
    """All cells of the study, each once: with all labels, then by budget; with `network` the same again for it (it has
    no use for distances). Raises InputError for what cannot be.
    """
    shares = sorted({100.0, *map(float, percentiles)}, reverse=True)
    budgets = sorted(set(budgets))
    cells = [Cell("all"), *(Cell("distances", centroids=k) for k in sorted(set(centroids)))]
    for kind in ("random", "representatives"):
        cells += [Cell(kind, n) for n in budgets]
    cells += [Cell("clusters", n, percentile=share) for share in shares for n in budgets]
    again = [replace(cell, network=True) for cell in cells if cell.kind != "distances"]
    return cells + again if network else cells


def clusterings(cells: list[Cell]) -> list[int]:
    """The numbers of clusters that the cells need, each once."""
    return sorted({cell.k for cell in cells} - {None})


def inputs(cell: Cell, features: np.ndarray, found: Clustering | None, threads: int) -> np.ndarray:
    """What the cell's classifier sees of features [n, d]: these, or their distances [n, k] to the centroids."""
    return kmeans.distances(features, found.centroids, threads) if cell.kind == "distances" else features


def propagate(
    given: GivenLabels, ids: np.ndarray, found: Clustering, percentile: float, classes: list[str]
) -> list[pa.Table]:
    """What the labeller `clusters` makes of the given labels, as the tables pseudo_labels and pseudo_labels_by_fold.

    As in the study each counts as much as a given label, whatever it is worth.
    """
    settings = Settings(percentile=percentile, clusters=len(found.centroids), novelty=False)
    pool, nothing = Clustered(ids, found), np.zeros((len(ids), len(classes)))
    tables = {}
    for fold in given.views():
        k = given.known_to(fold)
        view = View(pool, given.rows[k], given.labels[k], nothing, settings)
        probabilities = clusters.probabilities(view, None)
        rows = np.setdiff1d(np.flatnonzero(probabilities.any(axis=1)), given.rows)
        labels = np.array(classes)[probabilities[rows].argmax(axis=1)]
        tables[fold] = pa.table({"image_id": ids[rows], "label": labels, "weight": np.ones(len(rows))})
    last = tables.pop(ALL)
    by_fold = [table.append_column("fold", pa.array(np.full(len(table), v, np.int32))) for v, table in tables.items()]
    return [last, pa.concat_tables(by_fold)]


def share_right(propagated: pa.Table, truth: dict[str, str]) -> float | None:
    """How many propagated labels are right, of those whose truth (label by image_id) is known; None without any."""
    pairs = zip(propagated["image_id"].to_pylist(), propagated["label"].to_pylist(), strict=True)
    right = [truth[image] == label for image, label in pairs if image in truth]
    return float(np.mean(right)) if right else None


def _npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()
