"""what the run's stages made -> one page for a person, its plots and its tables; all images as a CSV"""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from kindred.data import image_csv, near_duplicates
from kindred.data.grey_images import grey_images
from kindred.data.thumbnails import side, thumbnails
from kindred.report import html_page, image_list, page_head, rejected_blocks, run_page, run_results
from kindred.report.data_section import ImageCounts
from kindred.report.pictures import Pictures
from kindred.runtime import cpu, file_names, job, storage
from kindred.runtime.stage import Stage

NO_IMAGES = (np.zeros(0, object), np.zeros((0, 0)))
NAMED_CONFLICTS = 5  # near duplicates under two classes, on the console
MAX_SIZES = 500  # different image sizes that are shown: the most frequent


def main(s: Stage, *, projection: str) -> str:
    run, images = run_results.read(s), s.read("images")
    counts_by_split = run.images_by_split()
    edited = "test" if counts_by_split["test"] else "train"
    duplicates = near_duplicates.find(grey_images(images, counts_by_split, edited), cpu.cores(), run.truth)
    on_map = run_results.map_images(s, sum(counts_by_split.values()))
    mapped_ids = on_map.index.tolist()
    ids, features = s.matrix("features", "features", ds.field("image_id").isin(mapped_ids)) if mapped_ids else NO_IMAGES
    pictured = run_page.pictured(run, duplicates, mapped_ids)
    origins = run_results.origins(s, run_page.named(run, duplicates, mapped_ids))
    duplicates = duplicates.with_origins(origins)
    _say_conflicts(s, duplicates.conflicts)
    pictures = Pictures(thumbnails(images, pictured, side(run.facts["height"], run.facts["width"])), origins)
    mapped = run_page.mapped_images(ids, features, on_map, run.truth, pictures)
    counts = _counts(images, s.read("truth"), run.figures)
    rejected = s.rows("rejected").sort_by([("origin", "ascending"), ("split", "ascending")])
    sections = run_page.sections(
        run, counts, duplicates, rejected_blocks.counted_files(rejected), mapped, projection, pictures
    )
    for section in sections:
        for name, content in section.files().items():
            s.report(name, content)
    title = f"Kindred: {s.run.rsplit('/', 1)[1]}"
    s.report(file_names.REPORT, html_page.render(title, page_head.facts(s), sections))
    _write_lists(s, images, rejected)
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


def _write_lists(s: Stage, images: DataFrame, rejected: pa.Table) -> None:
    """All images, and all files that were left out, as CSV files in the run's folder."""
    names = ("truth", "labels", "predictions_final", "pseudo_labels", "refused")
    listed = image_list.rows(images, *(s.read(name) for name in names))
    with storage.atomic_file(storage.join(s.run, file_names.PREDICTIONS)) as file:
        image_list.write(listed.toLocalIterator(), file)
    with storage.atomic_file(storage.join(s.run, file_names.REJECTED)) as file:
        batches = rejected.to_batches()
        image_csv.write((row for batch in batches for row in batch.to_pylist()), image_list.REJECTED_COLUMNS, file)


def _counts(images: DataFrame, truth: DataFrame, figures: dict[str, float]) -> ImageCounts:
    """Images by split and label, and by size; and the exact copies that `ingest` found."""
    labelled = images.select("image_id", "split").join(truth, "image_id", how="left")
    balance = labelled.groupBy("split", "label").count()
    sizes = images.groupBy("height", "width").count().orderBy(F.desc("count"), "height", "width").limit(MAX_SIZES)
    leaked, repeated = (int(figures[f"ingest/{name}"]) for name in ("leaked", "repeated"))
    return ImageCounts(balance.toPandas(), sizes.toPandas(), leaked, repeated)


if __name__ == "__main__":
    job.run(main)
