"""matches, their scores -> one page for a person"""

import io

import pandas as pd
import pyarrow.dataset as ds

from kindred.data.thumbnails import thumbnails
from kindred.report import html_page, matches_section, page_head, rejected_blocks
from kindred.report.blocks import Section
from kindred.report.matches_section import Matches
from kindred.report.pictures import Pictures
from kindred.runtime import arrow, file_names, job, stages, tables
from kindred.runtime.stage import Stage

SIDE_PX = 128  # of the pictures


def main(s: Stage) -> str:
    scored, by_label = (
        pd.read_csv(io.BytesIO(s.file(stages.SCORE_MATCHES, name))) for name in ("queries.csv", "labels.csv")
    )
    matches = Matches(s.rows("matches").to_pandas(), arrow.by_id(s.rows("truth")), scored, by_label)
    shown = ds.field("image_id").isin(matches_section.pictured(matches)) & ds.field("split").isin(tables.MATCHED)
    rows = s.rows("images", ["image_id", "origin", "content"], shown)
    pictures = Pictures(thumbnails(rows, rows["image_id"].to_pylist(), SIDE_PX), arrow.by_id(rows, "origin"))
    figures = {name: value for stage in stages.MATCHING_ORDER[:-1] for name, value in s.figures_of(stage).items()}
    rejected = rejected_blocks.counted_files(s.rows("rejected").sort_by([("origin", "ascending")]))
    counts = ", ".join(
        f"{figures[f'ingest/{split}']:,.0f} {split}"
        for split in (*tables.SPLITS, *tables.MATCHED)
        if figures.get(f"ingest/{split}")
    )
    sections = [
        matches_section.section(matches, figures, pictures),
        Section("data", "Data", f"Images: {counts}.", rejected_blocks.blocks(rejected)),
    ]
    for section in sections:
        for name, content in section.files().items():
            s.report(name, content)
    title = f"Kindred: {s.run.rsplit('/', 1)[1]}"
    s.report(file_names.REPORT, html_page.render(title, page_head.facts(s), sections))
    s.facts = {"page": file_names.REPORT}
    return sections[0].headline


if __name__ == "__main__":
    job.run(main)
