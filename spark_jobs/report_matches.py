"""matches, their scores -> one page for a person"""

import io
from collections.abc import Sequence

import pandas as pd
import pyarrow.dataset as ds

from kindred.data import images
from kindred.data.thumbnails import thumbnails
from kindred.evaluation import matching_scores
from kindred.features.keypoints import Keypoints
from kindred.report import groups_section, image_list, keypoint_pairs, matches_section, rejected_blocks, run_page
from kindred.report.blocks import Block, Section
from kindred.report.keypoint_pairs import Seen
from kindred.report.matches_section import Matches
from kindred.report.pictures import Pictures
from kindred.runtime import arrow, file_names, job, stages, storage, tables, variants
from kindred.runtime.stage import Stage

SIDE_PX = 128  # of the pictures


def main(s: Stage) -> str:
    scored, by_label = (
        pd.read_csv(io.BytesIO(s.file(stages.SCORE_MATCHES, name))) for name in ("queries.csv", "labels.csv")
    )
    truth, junk = arrow.by_id(s.rows("truth")), matching_scores.junk(s)
    matches = Matches(s.rows("matches").to_pandas(), truth, scored, by_label, junk)
    groups = s.rows("groups").to_pandas()
    grouped = [image_id for ids in groups_section.shown(groups).values() for image_id in ids]
    wanted = [*matches_section.pictured(matches), *grouped]
    shown = ds.field("image_id").isin(wanted) & ds.field("split").isin(tables.MATCHED)
    rows = s.rows("images", ["image_id", "origin", "content"], shown)
    pictures = Pictures(thumbnails(rows, rows["image_id"].to_pylist(), SIDE_PX), arrow.by_id(rows, "origin"))
    figures = {name: value for stage in stages.MATCHING_ORDER[:-1] for name, value in s.figures_of(stage).items()}
    rejected = s.rows("rejected").sort_by([("origin", "ascending"), ("split", "ascending")])
    counts = ", ".join(
        f"{figures[f'ingest/{split}']:,.0f} {split}"
        for split in (*tables.SPLITS, *tables.MATCHED)
        if figures.get(f"ingest/{split}")
    )
    compared = [groups_section.section(groups, figures, pictures)] if "groups/groups" in figures else []
    sections = [
        matches_section.section(matches, figures, pictures, _method(s), _pairs(s, matches)),
        *compared,
        Section("data", "Data", f"Images: {counts}.", rejected_blocks.blocks(rejected_blocks.counted_files(rejected))),
    ]
    for name, content in run_page.files(s, sections).items():
        s.report(name, content)
    with storage.atomic_file(storage.join(s.run, file_names.REJECTED)) as file:
        image_list.write_rejected(rejected, file)
    s.facts = {"page": file_names.REPORT}
    return sections[0].headline


def _method(s: Stage) -> str:
    """Extractor, embedder and re-ranker of the run."""
    chosen = ((stages.FEATURIZE, "extractor"), (stages.EMBED, "embedder"), (stages.MATCH, "reranker"))
    return ", ".join(str(s.arguments_of(stage)[name]) for stage, name in chosen)


def _pairs(s: Stage, matches: Matches) -> list[Block]:
    """Some queries beside a picture of the same thing, with their keypoints."""
    pairs = keypoint_pairs.chosen(matches.matches, matches.shown())
    if not pairs:
        return []
    binary = variants.load("local_features", s.facts_of(stages.KEYPOINTS)["local_features"]).BINARY
    queries, gallery = (
        _seen(s, split, ids) for split, ids in zip(tables.MATCHED, zip(*pairs, strict=True), strict=True)
    )
    return keypoint_pairs.blocks(pairs, queries, gallery, binary)


def _seen(s: Stage, split: str, ids: Sequence[str]) -> dict[str, Seen]:
    """Images of a split by their ids."""
    where = ds.field("image_id").isin(list(ids)) & (ds.field("split") == split)
    keypoints = arrow.by_id(s.rows("keypoints", ["image_id", "keypoints"], where), "keypoints")
    return {
        row["image_id"]: Seen(
            images.decode(row["content"]), Keypoints.from_bytes(keypoints[row["image_id"]]), row["origin"]
        )
        for row in s.rows("images", ["image_id", "origin", "content"], where).to_pylist()
    }


if __name__ == "__main__":
    job.run(main)
