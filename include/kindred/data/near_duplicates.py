"""Images of two splits that show the same picture though their pixels differ: encoded again, mirrored, shifted,
brightened.

An image's distance to its nearest one in another split is that of `cross_correlation`. The threshold is set on this
very data, by edits of its own images.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from statistics import NormalDist

import numpy as np
import pandas as pd

from kindred.data.cross_correlation import match
from kindred.data.grey_images import GreyImages
from kindred.data.image_edits import EDITS

MAX_QUERIES = 5_000  # images of the smaller split that are compared, in the order of their ids
TARGET_RECALL = 0.975  # share of the edits that the threshold shall find,
THRESHOLD_MARGIN = 2  # and the factor on the distance that finds them
MAX_FALSE_POSITIVE_RATE = 0.001  # share of the images without a near duplicate that may be below the threshold
COLUMNS = ["image_id", "split", "other", "other_split", "distance"]
BULK_QUANTILES = (0.05, 0.25)  # of all distances, to estimate those of images without one; below are real ones, too


@dataclass(frozen=True)
class NearDuplicates:
    """`pairs` below the threshold, nearest first: image_id, split, other, other_split, distance. `recall` by edit and
    of all, on edits that did not set the threshold; `flagged` is the share of the `queries` that are in a pair.
    `conflicts` are those of two known labels, also within a split: the same columns, label and other_label.
    """

    pairs: pd.DataFrame
    groups: int
    threshold: float
    recall: dict[str, float]
    flagged: float
    queries: int
    conflicts: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=[*COLUMNS, "label", "other_label"]))

    def ids(self) -> set[str]:
        """The ids of the images in a pair."""
        return {i for pairs in (self.pairs, self.conflicts) for side in ("image_id", "other") for i in pairs[side]}

    def with_origins(self, origins: Mapping[str, str]) -> NearDuplicates:
        """The same, each pair with the addresses of its files (by image id): origin and other_origin."""
        pairs, conflicts = (
            rows.assign(origin=rows["image_id"].map(origins), other_origin=rows["other"].map(origins))
            for rows in (self.pairs, self.conflicts)
        )
        return replace(self, pairs=pairs, conflicts=conflicts)

    def figures(self) -> dict[str, float]:
        """As they stand in metrics.json."""
        counts = {"pairs": len(self.pairs), "groups": self.groups, "flagged": self.flagged}
        counts["conflicts"] = len(self.conflicts)
        recall = {f"found_{edit}": share for edit, share in self.recall.items()}
        return {f"near_duplicates/{name}": value for name, value in {**counts, **recall}.items()}


def find(images: GreyImages, threads: int, labels: Mapping[str, str] | None = None) -> NearDuplicates:
    """The near duplicates across splits, and those of two classes by the known `labels` (label by id)."""
    plain, edits = images.where(images.edit == ""), images.where(images.edit != "")
    nearest = [pair for pair in _pairs_of_splits(plain, threads) if len(pair)]
    pairs = pd.concat(nearest, ignore_index=True) if nearest else pd.DataFrame(columns=COLUMNS)
    originals = plain.where(np.isin(plain.split, np.unique(edits.split)))
    rows, distance = (
        match(edits.pixels, originals.pixels, threads) if len(edits.ids) else (np.zeros(0, int), np.zeros(0))
    )
    right = originals.ids[rows] == edits.ids
    calibrates = np.isin(edits.ids, np.unique(edits.ids)[::2])  # every other image sets the threshold
    limit = threshold(np.where(right, distance, 1.0)[calibrates], pairs["distance"].to_numpy(float))
    recall = _recall(edits.edit[~calibrates], (right & (distance <= limit))[~calibrates])
    near = pairs[pairs["distance"] <= limit].sort_values(["distance", "image_id"]).reset_index(drop=True)
    flagged = near["image_id"].nunique() / max(len(pairs), 1)
    known = labels or {}
    found = [pairs for pairs in (near, *_pairs_of_classes(plain, known, threads)) if len(pairs)]
    candidates = pd.concat(found, ignore_index=True) if found else near
    under_two = conflicts(candidates[candidates["distance"] <= limit], known)
    return NearDuplicates(near, groups(near), limit, recall, flagged, len(pairs), under_two)


def conflicts(pairs: pd.DataFrame, labels: Mapping[str, str]) -> pd.DataFrame:
    """The pairs whose two labels are known and differ, each once, nearest first.

    >>> pairs = pd.DataFrame({"image_id": ["a", "c"], "other": ["b", "a"], "distance": [0.1, 0.2]})
    >>> conflicts(pairs, {"a": "cat", "b": "dog", "c": "cat"})[["image_id", "label", "other_label"]].to_numpy().tolist()
    [['a', 'cat', 'dog']]
    """
    known = pairs.assign(label=pairs["image_id"].map(labels), other_label=pairs["other"].map(labels)).dropna()
    known = known[known["label"] != known["other_label"]]
    names = [tuple(sorted(pair)) for pair in zip(known["image_id"], known["other"], strict=True)]
    known = known[~pd.Series(names, index=known.index, dtype=object).duplicated()]
    return known.sort_values(["distance", "image_id"]).reset_index(drop=True)


def threshold(twins: np.ndarray, others: np.ndarray) -> float:
    """The greatest distance of a near duplicate, from distances `twins` [n] of edited images to their originals and
    `others` [m] of images to their nearest in another split.

    It is THRESHOLD_MARGIN times the distance that finds TARGET_RECALL of the twins, but no more than that below which
    MAX_FALSE_POSITIVE_RATE of the others would lie if their logarithms were normal. That distribution is estimated by
    two of their quantiles: real near duplicates among them are few, but would distort its tail.
    """
    limit = THRESHOLD_MARGIN * float(np.quantile(twins, TARGET_RECALL)) if len(twins) else 0.0
    if not len(others):
        return limit
    low, high = np.quantile(np.log(np.maximum(others, 1e-6)), BULK_QUANTILES)
    below, above, rare = map(NormalDist().inv_cdf, (*BULK_QUANTILES, MAX_FALSE_POSITIVE_RATE))
    return min(limit, float(np.exp(low + (high - low) / (above - below) * (rare - below))))


def groups(pairs: pd.DataFrame) -> int:
    """Into how many groups the pairs join their images.

    >>> groups(pd.DataFrame({"image_id": ["a", "b", "x"], "other": ["p", "p", "y"]}))
    2
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    if pairs.empty:
        return 0
    numbers, names = pd.factorize(pd.concat([pairs["image_id"], pairs["other"]]))
    one, other = np.split(numbers, 2)
    graph = coo_matrix((np.ones(len(one)), (one, other)), shape=(len(names), len(names)))
    return int(connected_components(graph, directed=False)[0])


def _recall(edits: np.ndarray, hit: np.ndarray) -> dict[str, float]:
    """The share of hits by edit and of all, from the edits' names [n] and whether each was found [n]."""
    if not len(edits):
        return {}
    return {**{name: float(hit[edits == name].mean()) for name in EDITS}, "all": float(hit.mean())}


def _pairs_of_splits(plain: GreyImages, threads: int) -> Iterator[pd.DataFrame]:
    """For each two splits the nearest image of the larger one to each query from the smaller one."""
    splits = sorted(np.unique(plain.split), key=lambda split: (plain.split == split).sum())
    for i, split in enumerate(splits):
        queries = plain.where(np.flatnonzero(plain.split == split)[:MAX_QUERIES])
        for other in splits[i + 1 :]:
            gallery = plain.where(plain.split == other)
            rows, distance = match(queries.pixels, gallery.pixels, threads)
            pairs = {"image_id": queries.ids, "split": split, "other": gallery.ids[rows], "other_split": other}
            same = gallery.ids[rows] == queries.ids  # an exact copy that was kept is counted elsewhere
            yield pd.DataFrame({**pairs, "distance": distance})[~same]


def _pairs_of_classes(plain: GreyImages, labels: Mapping[str, str], threads: int) -> Iterator[pd.DataFrame]:
    """Within each split, for images with a known label, the nearest image of other classes: of the half of the classes
    whose number differs in a bit, for each bit. Two classes differ in one at least.
    """
    number = {name: i for i, name in enumerate(sorted(set(labels.values())))}
    for split in np.unique(plain.split):
        own = plain.where((plain.split == split) & np.array([i in labels for i in plain.ids], bool))
        classes = np.array([number[labels[i]] for i in own.ids], int)
        for bit in range(max(len(number) - 1, 0).bit_length()):
            upper = (classes >> bit) % 2 == 1
            if upper.any() and not upper.all():
                queries, gallery = own.where(np.flatnonzero(upper)[:MAX_QUERIES]), own.where(~upper)
                rows, distance = match(queries.pixels, gallery.pixels, threads)
                others = {"other": gallery.ids[rows], "other_split": split, "distance": distance}
                yield pd.DataFrame({"image_id": queries.ids, "split": split, **others})
