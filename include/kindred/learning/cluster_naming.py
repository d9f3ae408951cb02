"""Names for clusters: by people, by the labels of a few images of each, or by number.

Numbers are those that people see, from 1, the largest cluster first.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kindred.runtime.errors import InputError

LABELS, NUMBERS = NAMINGS = ("labels", "numbers")


@dataclass(frozen=True)
class Named:
    """The name of each cluster; the rows [m] of the images whose labels say so, and these labels."""

    names: list[str]
    rows: np.ndarray
    labels: list[str]

    def mixed(self, clusters: np.ndarray) -> dict[int, list[str]]:
        """The clusters (from 0) whose images have several labels, and which: they may be two in one."""
        found: dict[int, set[str]] = {}
        for row, label in zip(self.rows, self.labels, strict=True):
            found.setdefault(int(clusters[row]), set()).add(label)
        return {number: sorted(labels) for number, labels in sorted(found.items()) if len(labels) > 1}


def numbered(k: int) -> list[str]:
    """Names by number, all of a length so that they sort.

    >>> numbered(10)[:2]
    ['cluster 01', 'cluster 02']
    """
    return [f"cluster {number:0{len(str(k))}}" for number in range(1, k + 1)]


def are_numbers(names: Sequence[str]) -> bool:
    """Whether one of the clusters, at least, has its number for a name."""
    return bool(set(names) & set(numbered(len(names))))


def parse(given: Mapping[str, str], k: int) -> dict[int, str]:
    """The names that people give by the clusters' numbers, from 1, as texts; by number from 0.

    >>> parse({"1": "cat", "3": "dog "}, 3)
    {0: 'cat', 2: 'dog'}
    >>> parse({"4": "cat"}, 3)
    Traceback (most recent call last):
    kindred.runtime.errors.InputError: cluster_names names cluster '4'; there are clusters 1 to 3
    """
    names = {}
    for number, name in given.items():
        if not name.strip():
            raise InputError(f"cluster_names gives cluster {number!r} an empty name")
        if not number.isdecimal() or not 1 <= int(number) <= k:
            raise InputError(f"cluster_names names cluster {number!r}; there are clusters 1 to {k}")
        names[int(number) - 1] = name.strip()
    return names


def by_people(names: Mapping[int, str], nearest: list[np.ndarray]) -> Named:
    """Names by cluster, from 0; the others are named by number. `nearest`: the rows of each cluster, nearest to its
    centre first.
    """
    every = numbered(len(nearest))
    every = [names.get(number, name) for number, name in enumerate(every)]
    return Named(every, np.array([rows[0] for rows in nearest]), every)


def by_labels(labels: Mapping[int, str], nearest: list[np.ndarray], per_cluster: int) -> Named:
    """As a person would name clusters who looks at `per_cluster` images of each: the nearest to the centre of those
    whose label is known, by row. A cluster gets the most frequent label; one without a known label its number.
    """
    names, rows, given = numbered(len(nearest)), [], []
    for number, members in enumerate(nearest):
        seen = [int(row) for row in members if int(row) in labels][:per_cluster]
        if seen:
            names[number] = Counter(labels[row] for row in seen).most_common(1)[0][0]
        else:
            seen = [int(members[0])]
        rows += seen
        given += [labels.get(row, names[number]) for row in seen]
    return Named(names, np.array(rows), given)


def shares(k: int, clusters: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """What part of each cluster is of which class [k, classes], by the labels [m], as numbers, of images and their
    clusters [m]; zeros for a cluster without any.

    >>> shares(3, np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [[0.5, 0.5], [0.0, 1.0], [0.0, 0.0]]
    """
    counts = np.bincount(clusters * classes + labels, minlength=k * classes).reshape(k, classes)
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))
