"""what the run's stages made -> one page for a person, its plots and its tables"""

from dataclasses import replace

import numpy as np
import pyarrow.dataset as ds
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from kindred.data import fonts, near_duplicates
from kindred.data.grey_images import grey_images
from kindred.data.near_duplicates import NearDuplicates
from kindred.data.thumbnails import side, thumbnails
from kindred.report import html_page, plots, run_page, run_results
from kindred.report.data_section import ImageCounts
from kindred.runtime import arrow, cpu, file_names, job, storage
from kindred.runtime.stage import Stage

NO_IMAGES = (np.zeros(0, object), np.zeros((0, 0)))
NAMED_CONFLICTS = 5  # near duplicates under two classes, on the console
MAX_SIZES = 500  # different image sizes that are shown: the most frequent


def main(s: Stage, *, projection: str) -> str:
    run, images = run_results.read(s), s.read("images")
    counts_by_split = run.images_by_split()
    edited = "test" if counts_by_split["test"] else "train"
    duplicates = near_duplicates.find(grey_images(images, counts_by_split, edited), cpu.cores(), run.truth)
    duplicates = _with_origins(s, duplicates)
    on_map = run_results.map_images(s, sum(counts_by_split.values()))
    mapped_ids = on_map.index.tolist()
    ids, features = s.matrix("features", "features", ds.field("image_id").isin(mapped_ids)) if mapped_ids else NO_IMAGES
    pictured = run_page.pictured(run, duplicates, mapped_ids)
    pictures = thumbnails(images, pictured, side(run.facts["height"], run.facts["width"]))
    mapped = run_page.mapped_images(ids, features, on_map, run.truth, pictures)
    counts = _counts(images, s.read("truth"), run.figures)
    sections = run_page.sections(run, counts, duplicates, mapped, projection, pictures)
    if hint := fonts.hint(plots.short_name(name) for name in run.classes):
        s.say(hint)
    for section in sections:
        for name, content in section.files().items():
            s.report(name, content)
    title = f"Kindred: {s.run.rsplit('/', 1)[1]}"
    s.report(file_names.REPORT, html_page.render(title, run_results.head(s), sections))
    s.figures = duplicates.figures()
    s.facts = {"page": file_names.REPORT}
    return sections[0].headline


def _with_origins(s: Stage, duplicates: NearDuplicates) -> NearDuplicates:
    """The same, with the files of near duplicates under two classes; the first are shown on the console."""
    found = duplicates.conflicts
    if found.empty:
        return duplicates
    ids = ds.field("image_id").isin([*found["image_id"], *found["other"]])
    origins = arrow.by_id(s.rows("images", ["image_id", "origin"], ids), "origin")
    found = found.assign(origin=found["image_id"].map(origins), other_origin=found["other"].map(origins))
    s.say(f"near duplicates under two classes: {len(found):,}; one label of each is likely wrong")
    for row in found.head(NAMED_CONFLICTS).to_dict("records"):
        one, other = (storage.local(row[name]) for name in ("origin", "other_origin"))
        s.say(f"{one} ({row['label']}) and {other} ({row['other_label']})")
    return replace(duplicates, conflicts=found)


def _counts(images: DataFrame, truth: DataFrame, figures: dict[str, float]) -> ImageCounts:
    """Images by split and label, and by size; and the exact copies that `ingest` found."""
    labelled = images.select("image_id", "split").join(truth, "image_id", how="left")
    balance = labelled.groupBy("split", "label").count()
    sizes = images.groupBy("height", "width").count().orderBy(F.desc("count"), "height", "width").limit(MAX_SIZES)
    leaked, repeated = (int(figures[f"ingest/{name}"]) for name in ("leaked", "repeated"))
    return ImageCounts(balance.toPandas(), sizes.toPandas(), leaked, repeated)


if __name__ == "__main__":
    job.run(main)
