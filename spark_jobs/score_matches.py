"""rankings, truth -> how good each step is: features alone, embedded, re-ranked"""

from collections import defaultdict

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from kindred.data import near_duplicates
from kindred.data.grey_images import grey_images
from kindred.evaluation import matching_scores, scoring
from kindred.evaluation.matching_scores import AVERAGE_PRECISION
from kindred.runtime import arrow, cpu, job, stages, tables
from kindred.runtime.stage import Stage


def main(s: Stage) -> str:
    truth, rankings = arrow.by_id(s.rows("truth")), s.rows("rankings")
    split_of = s.rows("images", ["image_id", "split"], ds.field("split").isin(tables.MATCHED))
    queries, gallery = (split_of.filter(pc.field("split") == one)["image_id"].to_pylist() for one in tables.MATCHED)
    copies, junk = _copies(s, set(queries), set(gallery)), matching_scores.junk(s)
    left_out = {query_id: copies.get(query_id, set()) | junk.get(query_id, set()) for query_id in {*copies, *junk}}
    for step in stages.MATCHING_STEPS:  # the last one's scores by query are kept
        of_step = rankings.filter(pc.field("step") == step)
        scored = matching_scores.by_query(_orders(of_step), truth, gallery, left_out)
        s.figures |= {f"matching/{step}/{name}": value for name, value in matching_scores.figures(scored).items()}
    unlabelled = sum(query_id not in truth for query_id in of_step["query_id"].to_pylist())
    without = len(of_step) - unlabelled - len(scored)
    s.figures |= {"matching/queries_without_label": unlabelled, "matching/queries_without_relevant": without}
    s.figures["matching/queries_with_copy"] = len(copies)
    if copies:
        s.say(f"queries of which the gallery has a copy, which does not count: {len(copies):,}")
    if junk:
        s.figures["matching/queries_with_junk"] = len(junk)
        s.say(f"queries for which images of the gallery are junk, which do not count: {len(junk):,}")
    if without:
        s.say(f"queries of whose label the gallery has no image, which do not count: {without:,}")
    s.report("queries.csv", scoring.csv(scored, index=False))
    s.report("labels.csv", scoring.csv(matching_scores.by_group(scored), index=False))
    return _summary(s.figures, len(scored))


def _copies(s: Stage, queries: set[str], gallery: set[str]) -> dict[str, set[str]]:
    """The gallery's copies of each query that has any: the same pixels, or a near duplicate."""
    counts = {tables.QUERY: len(queries), tables.GALLERY: len(gallery)}
    images = s.rows_or_frame("images", sum(counts.values()))
    pairs = near_duplicates.find(grey_images(images, counts, edited=tables.QUERY), cpu.cores()).pairs
    copies = defaultdict(set, {image_id: {image_id} for image_id in queries & gallery})
    for row in pairs.to_dict("records"):
        side = {row["split"]: row["image_id"], row["other_split"]: row["other"]}
        copies[side[tables.QUERY]].add(side[tables.GALLERY])
    return dict(copies)


def _orders(rankings: pa.Table) -> dict[str, list[str]]:
    """The gallery's ids in their order for each query."""
    return dict(zip(rankings["query_id"].to_pylist(), rankings["image_ids"].to_pylist(), strict=True))


def _summary(figures: dict[str, float], scored: int) -> str:
    if not scored:
        return "no query has a known label that an image of the gallery has: there is nothing to score"
    steps = [(step, figures[f"matching/{step}/{AVERAGE_PRECISION}"]) for step in stages.MATCHING_STEPS]
    return f"mean average precision of {scored:,} queries: {', '.join(f'{step} {value:.4f}' for step, value in steps)}"


if __name__ == "__main__":
    job.run(main)
