"""Images that can be searched in: shards one after the other, without those rows that were deleted. A row counts
through all shards.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from kindred.runtime.errors import InputError
from kindred.search import shards
from kindred.search.shards import NO_LABEL, Shard


@dataclass(frozen=True)
class Filter:
    """Which images a search may give; a field that is None excludes nothing. `classes` are those of the final model;
    `labelled`: only images with a given label, or only those without one.
    """

    classes: list[str] | None = None
    splits: list[str] | None = None
    datasets: list[str] | None = None
    confidence: tuple[float, float] | None = None  # from and to, both included
    ids: list[str] | None = None
    labelled: bool | None = None
    origin: str | None = None  # a part of it: of a file's name or path


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

    def excluded(self, where: Filter | None, classes: list[str]) -> np.ndarray | None:
        """For each row 0, or infinity where it is deleted or does not pass the filter, [n] float32; None where no row
        is excluded. Raises InputError for a class that is not one of `classes`.
        """
        if where in (None, Filter()) and all(mask is None for mask in self.deleted):
            return None
        excluded = np.zeros(self.starts[-1], np.float32)
        for shard, deleted, start in zip(self.shards, self.deleted, self.starts, strict=False):
            passing = np.ones(len(shard), bool) if deleted is None else ~deleted
            for test in _tests(where or Filter(), shard, classes):
                passing &= test
            excluded[start : start + len(shard)][~passing] = np.inf
        return excluded


def _tests(where: Filter, shard: Shard, classes: list[str]) -> Iterator[np.ndarray]:
    """A mask [n] of the rows that pass, for each field of a filter."""
    if where.classes is not None:
        if unknown := sorted(set(where.classes) - set(classes)):
            known = ", ".join(classes) or "none, as the index was built without a classifier"
            raise InputError(f"unknown class {unknown[0]!r}; known: {known}")
        yield np.isin(shard["attributes"]["prediction"], [classes.index(name) for name in where.classes])
    for column, names in (("splits", where.splits), ("datasets", where.datasets)):
        if names is not None:
            yield np.isin(shard[column], shards.encoded(names))
    if where.confidence is not None:
        if not classes:
            raise InputError("the index was built without a classifier, so no image has a confidence to filter by")
        confidence = shard["attributes"]["confidence"]
        yield (confidence >= where.confidence[0]) & (confidence <= where.confidence[1])
    if where.labelled is not None:
        yield (shard["labels"] != NO_LABEL) == where.labelled
    if where.origin is not None:
        yield shard.origins.containing(where.origin)
    if where.ids is not None:
        rows = shard.find_rows(shards.encoded(where.ids))
        yield np.isin(np.arange(len(shard)), rows[rows >= 0])
