"""what the run's stages made -> one page for a person, its plots and its tables; all images as a CSV"""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds

from kindred.data import near_duplicates
from kindred.data.grey_images import grey_images
from kindred.data.thumbnails import side, thumbnails
from kindred.report import (
    image_list,
    multi_label_page,
    multi_label_results,
    rejected_blocks,
    run_page,
    run_results,
)
from kindred.report.data_section import ImageCounts
from kindred.report.pictures import Pictures
from kindred.report.run_results import Results
from kindred.runtime import cpu, file_names, job, storage
from kindred.runtime.stage import Stage

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

NO_IMAGES = (np.zeros(0, object), np.zeros((0, 0)))
NAMED_CONFLICTS = 5  # near duplicates under two classes, on the console
SIZE = ["height", "width"]
MAX_SIZES = 500  # different image sizes that are shown: the most frequent


def main(s: Stage, *, projection: str) -> str:
    several = s.multi_label()
    page: ModuleType = multi_label_page if several else run_page
    run = (multi_label_results if several else run_results).read(s)
    counts_by_split = run.images_by_split()
    images = s.rows_or_frame("images", sum(counts_by_split.values()))
    edited = "test" if counts_by_split["test"] else "train"
    compared = {} if several else run.truth  # that two sets differ does not say that they contradict each other
    duplicates = near_duplicates.find(grey_images(images, counts_by_split, edited), cpu.cores(), compared)
    on_map = run_results.map_images(s, sum(counts_by_split.values()))
    mapped_ids = on_map.index.tolist()
    ids, features = s.matrix("features", "features", ds.field("image_id").isin(mapped_ids)) if mapped_ids else NO_IMAGES
    pictured = page.pictured(run, duplicates, mapped_ids)
    origins = run_results.origins(s, page.named(run, duplicates, mapped_ids))
    duplicates = duplicates.with_origins(origins)
    _say_conflicts(s, duplicates.conflicts)
    pictures = Pictures(thumbnails(images, pictured, side(run.facts["height"], run.facts["width"])), origins)
    mapped = page.mapped_images(ids, features, on_map, run, pictures)
    counts = _counts(s, images, run)
    rejected = s.rows("rejected").sort_by([("origin", "ascending"), ("split", "ascending")])
    sections = page.sections(
        run, counts, duplicates, rejected_blocks.counted_files(rejected), mapped, projection, pictures
    )
    for name, content in run_page.files(s, sections).items():
        s.report(name, content)
    _write_lists(s, rejected, small=isinstance(images, pa.Table))
    s.figures = duplicates.figures()
    s.facts = {"page": file_names.REPORT}
    return sections[0].headline


def _say_conflicts(s: Stage, conflicts: pd.DataFrame) -> None:
    """The first near duplicates under two classes on the console."""
    if conflicts.empty:
        return
    s.say(f"near duplicates under two classes: {len(conflicts):,}; one label of each is likely wrong")
    for row in conflicts.head(NAMED_CONFLICTS).to_dict("records"):
        s.say(f"{row['origin']} ({row['label']}) and {row['other_origin']} ({row['other_label']})")


def _write_lists(s: Stage, rejected: pa.Table, small: bool) -> None:
    """All images, and all files that were left out, as CSV files in the run's folder."""
    listed: Iterable[Any]
    classes = s.classes() if s.multi_label() else None
    if small:
        batches = image_list.rows(*map(s.rows, image_list.TABLES), classes=classes).to_batches()
        listed = (row for batch in batches for row in batch.to_pylist())
    else:
        listed = image_list.rows_in_spark(*map(s.read, image_list.TABLES), classes=classes).toLocalIterator()
    with storage.atomic_file(storage.join(s.run, file_names.PREDICTIONS)) as file:
        image_list.write(listed, file)
    with storage.atomic_file(storage.join(s.run, file_names.REJECTED)) as file:
        image_list.write_rejected(rejected, file)


def _counts(s: Stage, images: DataFrame | pa.Table, run: Results) -> ImageCounts:
    """Images by split and label, with several labels also by whether it is present, and by size; and the exact copies
    that `ingest` found.
    """
    several = s.multi_label()
    columns = ["split", "label", *(["present"] if several else [])]
    if isinstance(images, pa.Table):
        rows = images.select(["image_id", "split", *SIZE]).to_pandas()
        sizes = _counted(rows, SIZE).sort_values(["count", *SIZE], ascending=[False, True, True]).head(MAX_SIZES)
        if several:
            rows = rows.merge(_known(s).to_pandas(), "left", "image_id")
        else:
            rows["label"] = rows["image_id"].map(run.truth)
        balance = _counted(rows, columns)
    else:
        from pyspark.sql import functions as F

        truth = s.read("truth").where(F.col("label").isin(run.classes)) if several else s.read("truth")
        labelled = images.select("image_id", "split").join(truth, "image_id", how="left")
        balance = labelled.groupBy(*columns).count().toPandas()
        sizes = images.groupBy(*SIZE).count().orderBy(F.desc("count"), *SIZE).limit(MAX_SIZES).toPandas()
    leaked, repeated = (int(run.figures[f"ingest/{name}"]) for name in ("leaked", "repeated"))
    return ImageCounts(balance, sizes, leaked, repeated, run.images_by_split())


def _known(s: Stage) -> pa.Table:
    """What is known of the classes of the run, in rows."""
    return s.rows("truth", ["image_id", "label", "present"], ds.field("label").isin(s.classes()))


def _counted(rows: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """How many rows have the same values in these columns."""
    return rows.groupby(columns, dropna=False).size().rename("count").reset_index()


if __name__ == "__main__":
    job.run(main)
