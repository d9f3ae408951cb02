"""Small grey versions of a dataset's images, made in the workers or here: what near duplicates are compared by."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kindred.data import images
from kindred.data.image_edits import EDITS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

SIDE = 32  # px, at which images are compared, in grey
MAX_IMAGES_PER_SPLIT = 30_000  # the first by id: 30 MB of pixels in the driver
EDITED_IMAGES = 250  # whose edits set the threshold (one half) and measure what it finds (the other half)
READ = ["image_id", "split", "content"]
COLUMNS = {"image_id": pa.string(), "split": pa.string(), "edit": pa.string(), "grey": pa.binary()}


@dataclass(frozen=True)
class GreyImages:
    """Pixels, uint8 [n, SIDE, SIDE], with the images' ids, splits and edits [n]; `edit` is empty where unedited."""

    ids: np.ndarray
    split: np.ndarray
    edit: np.ndarray
    pixels: np.ndarray

    def where(self, chosen: np.ndarray) -> GreyImages:
        """Those that a mask or row numbers choose."""
        return GreyImages(self.ids[chosen], self.split[chosen], self.edit[chosen], self.pixels[chosen])


def grey_images(table: DataFrame | pa.Table, counts: dict[str, int], edited: str = "test") -> GreyImages:
    """The images of the table `images` (`counts` by split) that are compared, and the edits of some of the `edited`
    split. An id is a hash, so the ids below a bound are a random sample.
    """
    bounds = {split: images.id_bound(count, MAX_IMAGES_PER_SPLIT) for split, count in counts.items()}
    shrink = functools.partial(_shrink, edited, images.id_bound(counts.get(edited, 0), EDITED_IMAGES))
    if isinstance(table, pa.Table):
        rows = pa.Table.from_batches(shrink(_sampled(table, bounds).select(READ).to_batches()), pa.schema(COLUMNS))
    else:
        schema = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
        rows = _sampled_in_spark(table, bounds).select(READ).mapInArrow(shrink, schema).toArrow()
    rows = rows.sort_by([("split", "ascending"), ("image_id", "ascending"), ("edit", "ascending")])
    ids, splits, edits = (np.array(rows[name].to_pylist(), dtype=object) for name in ("image_id", "split", "edit"))
    pixels = np.frombuffer(b"".join(rows["grey"].to_pylist()), np.uint8).reshape(-1, SIDE, SIDE)
    return GreyImages(ids, splits, edits, pixels)


def _sampled(table: pa.Table, bounds: dict[str, str]) -> pa.Table:
    """The rows whose id is below the bound of their split."""
    parts = [table.filter((pc.field("split") == split) & (pc.field("image_id") < end)) for split, end in bounds.items()]
    return pa.concat_tables(parts)


def _sampled_in_spark(frame: DataFrame, bounds: dict[str, str]) -> DataFrame:
    """The same."""
    from pyspark.sql import functions as F

    sampled = F.lit(False)
    for split, end in bounds.items():
        sampled = sampled | ((F.col("split") == split) & (F.col("image_id") < end))
    return frame.where(sampled)


def _shrink(edited: str, bound: str, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Each image in grey and, of those of the split `edited` with ids below `bound`, the edits."""
    for batch in batches:
        rows = []
        for row in batch.to_pylist():
            pixels = images.decode(row["content"])
            rows.append((row["image_id"], row["split"], "", _grey(pixels)))
            if row["split"] == edited and row["image_id"] < bound:
                strength = int(row["image_id"][-8:], 16) / 16**8
                rows += [(row["image_id"], edited, name, _grey(edit(pixels, strength))) for name, edit in EDITS.items()]
        columns = zip(*rows, strict=True) if rows else ([] for _ in COLUMNS)
        arrays = [pa.array(list(column), kind) for column, kind in zip(columns, COLUMNS.values(), strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, list(COLUMNS))


def _grey(pixels: np.ndarray) -> bytes:
    return images.fit(images.fit(pixels, pixels.shape[:2], 1), (SIDE, SIDE), 1).tobytes()
