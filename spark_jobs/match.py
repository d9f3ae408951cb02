"""embedded queries and gallery, their keypoints -> matches, rankings: the gallery's order for each query"""

import time
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.dataset as ds

from kindred.learning import embeddings
from kindred.runtime import arrow, cpu, file_names, job, stages, storage, tables, variants
from kindred.runtime.stage import Stage
from kindred.search import keypoint_store, matching

SPLITS = {split: ds.field("split") == split for split in tables.MATCHED}


class Matches(NamedTuple):
    """Rows of the tables `rankings` and `matches`."""

    rankings: list[dict[str, Any]]
    matches: list[dict[str, Any]]


def home(s: Stage, *, reranker: str, matches: int) -> str:
    """The run's own folder; what is recorded is the re-ranker that `auto` takes."""
    if reranker == variants.AUTO:
        local_features = s.facts_of(stages.KEYPOINTS)["local_features"]
        reranker = matching.reranker_for(s.arguments_of(stages.EMBED)["embedder"], local_features)
        s.say(f"auto takes {reranker}")
    s.arguments = {**s.arguments, "reranker": reranker}
    return storage.join(s.run, s.name)


def main(s: Stage, *, reranker: str, matches: int) -> str:
    variants.check_reranker(reranker, s.facts_of(stages.KEYPOINTS)["local_features"])
    started = time.process_time()
    matched = _matched(s, reranker, matches)
    queries = len(matched.rankings) // len(stages.MATCHING_STEPS)
    seconds = (time.process_time() - started) / queries
    s.write_rows("rankings", pa.Table.from_pylist(matched.rankings, arrow.schema("rankings")))
    s.write_rows("matches", pa.Table.from_pylist(matched.matches, arrow.schema("matches")))
    by_query: dict[str, list[dict[str, Any]]] = {}
    for row in matched.matches:
        by_query.setdefault(row["query_id"], []).append(row)
    _write_json(s, by_query)
    gallery = s.figures_of("ingest")["ingest/gallery"]
    s.figures = {"match/queries": queries, "match/gallery": gallery, "match/cpu_seconds_per_query": seconds}
    same = matching.with_the_same(by_query.values())
    if same is not None:
        s.figures["match/queries_with_same"] = same
    found = f"; {same:,} find the same thing" if same is not None else ""
    return f"{queries:,} queries matched with {gallery:,} images, {seconds:.3f} CPU-seconds each{found}"


def _matched(s: Stage, reranker: str, matches: int) -> Matches:
    (query_ids, queries), (ids, gallery) = (s.matrix("embedded", "features", where) for where in SPLITS.values())
    features = (embeddings.embed(None, s.matrix("features", "features", where)[1]) for where in SPLITS.values())
    found = Matches([], [])
    with keypoint_store.of_split(s, tables.QUERY) as asked_for, keypoint_store.of_split(s, tables.GALLERY) as kept:
        asked = matching.with_keypoints(query_ids, queries, asked_for)
        known = matching.with_groups(matching.gallery_of(ids, gallery, kept), ids, s)
        matched = matching.match(asked, known, variants.load("reranker", reranker).rerank, cpu.cores())
        plain = matching.nearest_rows(*features)
        for query_id, vector, rows, (first, last) in zip(query_ids, queries, plain, matched, strict=True):
            for step, order in zip(stages.MATCHING_STEPS, (rows, first.rows, last.rows), strict=True):
                found.rankings.append({"query_id": query_id, "step": step, "image_ids": ids[order].tolist()})
            first_matches = matching.matches(ids, known, vector, last, matches)
            found.matches.extend({"query_id": query_id, **match} for match in first_matches)
    return found


def _write_json(s: Stage, by_query: dict[str, list[dict[str, Any]]]) -> None:
    """The matches of each query by its file, in the run's folder."""
    query_files, gallery_files = (
        arrow.by_id(s.rows("images", ["image_id", "origin"], where), "origin") for where in SPLITS.values()
    )
    by_file = {query_files[query_id]: found for query_id, found in by_query.items()}
    with storage.atomic_file(storage.join(s.run, file_names.MATCHES)) as file:
        file.write(matching.as_json(by_file, gallery_files))


if __name__ == "__main__":
    job.run(main, home)
