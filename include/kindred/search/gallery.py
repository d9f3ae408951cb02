"""Images that can be searched in: shards one after the other, without those rows that were deleted. A row counts
through all shards.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from kindred.runtime import label_sets
from kindred.runtime.errors import InputError
from kindred.runtime.label_sets import Thresholds
from kindred.search import shards
from kindred.search.shards import NO_LABEL, Shard


@dataclass(frozen=True)
class Filter:
    """Which images a search may give; a field that is None excludes nothing. `classes` are those of the final model: an
    image passes with one of them, or with `all_classes` of them. `labels` are given ones: one of them is enough.
    `labelled`: only images with a given label, or only those without one.

    With several labels an image it has a class where the probability is at least the class's threshold, and NONE stands
    for an image without any; `confidence` is then the probability of the `classes`, or without these of the whole set.
    """

    classes: list[str] | None = None
    splits: list[str] | None = None
    datasets: list[str] | None = None
    confidence: tuple[float, float] | None = None  # from and to, both included
    ids: list[str] | None = None
    labelled: bool | None = None
    origin: str | None = None  # a part of it: of a file's name or path
    all_classes: bool = False
    labels: list[str] | None = None


UNLABELLED = Filter(labelled=False)


@dataclass(frozen=True)
class Gallery:
    """`deleted` holds for each shard a mask [n] of the deleted rows, or None."""

    shards: tuple[Shard, ...] = ()
    deleted: tuple[np.ndarray | None, ...] = ()

    def __len__(self) -> int:
        return self.starts[-1] - sum(int(mask.sum()) for mask in self.deleted if mask is not None)

    @property
    def starts(self) -> list[int]:
        """The first row of each shard, and the number of all rows."""
        starts = [0]
        for shard in self.shards:
            starts.append(starts[-1] + len(shard))
        return starts

    def parts(self, rows: np.ndarray) -> Iterator[tuple[Shard, np.ndarray, np.ndarray]]:
        """Each shard that holds some of the rows [m], where in `rows` these are, and their rows inside the shard."""
        shard_of = np.searchsorted(self.starts, rows, side="right") - 1
        for number in np.unique(shard_of):
            here = np.flatnonzero(shard_of == number)
            yield self.shards[number], here, rows[here] - self.starts[number]

    def column(self, name: str, rows: np.ndarray) -> np.ndarray:
        """One of the shards' arrays at these rows [m]."""
        return self.columns((name,), rows)[name]

    def columns(self, names: Iterable[str], rows: np.ndarray) -> dict[str, np.ndarray]:
        """Some of the shards' arrays at these rows [m], by name."""
        parts, columns = list(self.parts(rows)), {}
        for name in names:
            widest = max((shard[name].dtype for shard in self.shards), key=lambda dtype: dtype.itemsize)
            values = np.empty((len(rows), *self.shards[0][name].shape[1:]), widest)
            for shard, here, inside in parts:
                values[here] = shard[name][inside]
            columns[name] = values
        return columns

    def origins(self, rows: np.ndarray) -> list[str | None]:
        """Which file or row each image is, at these rows [m]; None where that is not known."""
        origins: list[str | None] = [None] * len(rows)
        for shard, here, inside in self.parts(rows):
            for place, origin in zip(here.tolist(), shard.origins.at(inside), strict=True):
                origins[place] = origin
        return origins

    def find_rows(self, ids: list[str]) -> np.ndarray:
        """The row of each id [m]; -1 where it is not there."""
        keys, rows = shards.encoded(ids), np.full(len(ids), -1)
        for shard, deleted, start in zip(self.shards, self.deleted, self.starts, strict=False):
            inside = shard.find_rows(keys)
            here = (inside >= 0) if deleted is None else (inside >= 0) & ~deleted[inside]
            rows[here] = inside[here] + start
        return rows

    def rows(self, ids: list[str]) -> np.ndarray:
        """The row of each id [m]. Raises InputError for one that is not there."""
        rows = self.find_rows(ids)
        if (rows < 0).any():
            raise InputError(f"no image {ids[int((rows < 0).argmax())]!r} in the index")
        return rows

    def without(self, rows: np.ndarray) -> "Gallery":
        """Without these rows [m]."""
        masks = list(self.deleted)
        for number, (start, end) in enumerate(zip(self.starts, self.starts[1:], strict=False)):
            here = rows[(rows >= start) & (rows < end)] - start
            if len(here):
                before = masks[number]
                mask = np.zeros(end - start, bool) if before is None else before.copy()
                mask[here] = True
                masks[number] = mask
        return Gallery(self.shards, tuple(masks))

    def plus(self, shard: Shard) -> "Gallery":
        """With one more shard; a small one is joined to a small last one that is not on disk."""
        if not self.shards or self.shards[-1].mapped or len(self.shards[-1]) + len(shard) > shards.MAX_ROWS:
            return Gallery((*self.shards, shard), (*self.deleted, None))
        *_, last = Gallery(self.shards[-1:], self.deleted[-1:]).remaining()
        return Gallery((*self.shards[:-1], shards.join([last, shard])), (*self.deleted[:-1], None))

    def remaining(self) -> Iterator[Shard]:
        """Each shard without its deleted rows."""
        for shard, deleted in zip(self.shards, self.deleted, strict=True):
            yield shard if deleted is None else shard.take(~deleted)

    def excluded(self, where: Filter | None, classes: list[str], thresholds: Thresholds = None) -> np.ndarray | None:
        """For each row 0, or infinity where it is deleted or does not pass the filter, [n] float32; None where no row
        is excluded. `thresholds` [classes] are those of several labels an image. Raises InputError for a class that is
        not one of `classes`.
        """
        if where in (None, Filter()) and all(mask is None for mask in self.deleted):
            return None
        excluded = np.zeros(self.starts[-1], np.float32)
        for shard, deleted, start in zip(self.shards, self.deleted, self.starts, strict=False):
            passing = np.ones(len(shard), bool) if deleted is None else ~deleted
            for test in _tests(where or Filter(), shard, classes, thresholds):
                passing &= test
            excluded[start : start + len(shard)][~passing] = np.inf
        return excluded


def _tests(where: Filter, shard: Shard, classes: list[str], thresholds: Thresholds) -> Iterator[np.ndarray]:
    """A mask [n] of the rows that pass, for each field of a filter."""
    _check(where, classes, thresholds)
    if where.classes is not None:
        yield _with_classes(where, shard, classes, thresholds)
    if where.labels is not None:
        yield _with_labels(where.labels, shard, thresholds)
    for column, names in (("splits", where.splits), ("datasets", where.datasets)):
        if names is not None:
            yield np.isin(shard[column], shards.encoded(names))
    if where.confidence is not None and (where.classes is None or thresholds is None):
        yield _between(shard["attributes"]["confidence"], where.confidence)
    if where.labelled is not None:
        yield (shard["labels"] != NO_LABEL) == where.labelled
    if where.origin is not None:
        yield shard.origins.containing(where.origin)
    if where.ids is not None:
        rows = shard.find_rows(shards.encoded(where.ids))
        yield np.isin(np.arange(len(shard)), rows[rows >= 0])


def _check(where: Filter, classes: list[str], thresholds: Thresholds) -> None:
    """Raise InputError for a class that there is not, and for a confidence without a classifier."""
    known = classes if thresholds is None else [*classes, label_sets.NONE]
    if unknown := sorted({*(where.classes or []), *(where.labels or [])} - set(known)):
        names = ", ".join(known) or "none, as the index was built without a classifier"
        raise InputError(f"unknown class {unknown[0]!r}; known: {names}")
    if where.confidence is not None and not classes:
        raise InputError("the index was built without a classifier, so no image has a confidence to filter by")


def _between(values: np.ndarray, ends: tuple[float, float]) -> np.ndarray:
    """A mask [n] of the values in a range, both ends included."""
    return np.asarray((values >= ends[0]) & (values <= ends[1]))


def _with_classes(where: Filter, shard: Shard, classes: list[str], thresholds: Thresholds) -> np.ndarray:
    """A mask [n] of the images that have one of the filter's classes, or all of them."""
    wanted = sorted(set(where.classes or []))
    if thresholds is None:
        one = np.isin(shard["attributes"]["prediction"], [classes.index(name) for name in wanted])
        return one & (len(wanted) < 2) if where.all_classes else one
    passing = np.full(len(shard), where.all_classes)
    for name in wanted:
        present, probability = _with_class(name, shard, classes, thresholds)
        own = present if where.confidence is None else present & _between(probability, where.confidence)
        passing = passing & own if where.all_classes else passing | own
    return passing


def _with_class(
    name: str, shard: Shard, classes: list[str], thresholds: Sequence[float]
) -> tuple[np.ndarray, np.ndarray]:
    """Whether each image has a class, or NONE, and with which probability, [n] each; with several labels an image."""
    if name == label_sets.NONE:
        some = label_sets.chosen(shard["probabilities"], thresholds).any(axis=1)
        return np.asarray(~some), shard["attributes"]["confidence"]
    column = classes.index(name)
    probability = shard["probabilities"][:, column]
    return label_sets.chosen(probability, [thresholds[column]]), probability


def _with_labels(names: list[str], shard: Shard, thresholds: Thresholds) -> np.ndarray:
    """A mask [n] of the images with one of these among their given labels."""
    given, row = np.unique(shard["labels"], return_inverse=True)
    several = thresholds is not None
    sets = [(label_sets.split(text) or [label_sets.NONE]) if several else [text] for text in shards.decoded(given)]
    return np.array([not set(names).isdisjoint(own) for own in sets])[row]
