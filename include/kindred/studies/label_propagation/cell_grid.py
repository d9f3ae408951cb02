"""The published study of label propagation on Fashion-MNIST: its cells.

A *cell* is one model: all labels on pixels or on distances to centroids; n labels on random images or on the
representatives of n clusters; those propagated to their clusters, whole or as far as a percentile. Source: A. Géron,
Hands-On Machine Learning (2nd ed., chapter 9), carried out on Fashion-MNIST with logistic regression on pixels, and
again with a convolutional network.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from kindred.runtime.errors import InputError

TITLES = {  # by kind
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
    for an unknown kind and numbers out of range.

    >>> cell = Cell("clusters", labels=2000, percentile=25)
    >>> cell.name, cell.k
    ('clusters-2000-25', 2000)
    """

    kind: str
    labels: int | None = None
    centroids: int | None = None
    percentile: float | None = None
    network: bool = False

    def __post_init__(self) -> None:
        if self.kind not in TITLES:
            raise InputError(f"unknown kind {self.kind!r}; known: {', '.join(TITLES)}")
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


def grid(
    budgets: Iterable[int], centroids: Iterable[int], percentiles: Iterable[float], network: bool = False
) -> list[Cell]:
    """All cells of the study, each once: with all labels, then by budget; with `network` the same again for it (but for
    distances, which are not pixels). Raises InputError for numbers out of range.

    >>> [cell.name for cell in grid([500], centroids=[100], percentiles=[25])]
    ['all', 'distances-100', 'random-500', 'representatives-500', 'clusters-500-100', 'clusters-500-25']
    """
    percentiles = sorted({100.0, *map(float, percentiles)}, reverse=True)
    budgets = sorted(set(budgets))
    cells = [Cell("all"), *(Cell("distances", centroids=k) for k in sorted(set(centroids)))]
    for kind in ("random", "representatives"):
        cells += [Cell(kind, n) for n in budgets]
    cells += [Cell("clusters", n, percentile=percentile) for percentile in percentiles for n in budgets]
    again = [replace(cell, network=True) for cell in cells if cell.kind != "distances"]
    return cells + again if network else cells


def cluster_counts(cells: Iterable[Cell]) -> list[int]:
    """The numbers of clusters that the cells need, each once."""
    return sorted({cell.k for cell in cells if cell.k is not None})
