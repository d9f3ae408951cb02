"""Many queries matched with one gallery: the order by distance, and the one that a re-ranker makes of it."""

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from kindred.data import origins
from kindred.runtime import arrow, stages, variants
from kindred.runtime.run_reader import RunReader
from kindred.search.keypoint_store import KeypointStore
from kindred.search.reranking import ALONE, Gallery, Query, Ranking, nearest

AHEAD = 2  # queries for each thread that are begun before the results of the first are taken


class Matched(NamedTuple):
    """The gallery's order for a query by distance alone, and after the re-ranker: the first RANKED."""

    by_distance: Ranking
    reranked: Ranking


def reranker_for(embedder: str, local_features: str) -> str:
    """The re-ranker that `auto` takes, by the names of the embedder and of the local features.

    >>> reranker_for("half_whitened", "none"), reranker_for("supcon", "none"), reranker_for("supcon", "sift")
    ('k_reciprocal', 'none', 'verified_expansion')
    """
    if local_features != variants.NONE:
        return "verified_expansion"
    return variants.NONE if variants.load("embedder", embedder).LABELLED else "k_reciprocal"


def match(
    queries: Iterable[Query], gallery: Gallery, rerank: Callable[[Query, Gallery, Ranking], Ranking], threads: int
) -> Iterator[Matched]:
    """The matches of each query, in the order of the queries, of which few are held at a time."""

    def one(query: Query) -> Matched:
        first = nearest(query, gallery)
        return Matched(first, rerank(query, gallery, first))

    coming = iter(queries)
    with ThreadPoolExecutor(threads) as pool:
        while block := list(itertools.islice(coming, threads * AHEAD)):
            yield from pool.map(one, block)


def with_keypoints(ids: np.ndarray, vectors: np.ndarray, store: KeypointStore | None) -> Iterator[Query]:
    """Queries by their ids and vectors [n, d], with their keypoints where there are any."""
    for image_id, vector in zip(ids, vectors, strict=True):
        yield Query(vector, store.get(image_id) if store else None)


def gallery_of(ids: np.ndarray, vectors: np.ndarray, store: KeypointStore | None) -> Gallery:
    """A gallery by the ids and vectors [m, d] of its images, whose keypoints are read when they are compared."""
    return Gallery(vectors, lambda row: store.get(ids[row]), store.binary) if store else Gallery(vectors)


def with_groups(gallery: Gallery, ids: np.ndarray, reader: RunReader) -> Gallery:
    """The gallery of a run with the groups and the threshold that the run has found."""
    number_of = arrow.by_id(reader.rows("groups"), "group")
    numbers = np.array([number_of.get(image_id, ALONE) for image_id in ids], int)
    return replace(gallery, groups=numbers, min_inliers=reader.facts_of(stages.GROUPS)["min_inliers"])


def nearest_rows(queries: np.ndarray, gallery: np.ndarray) -> Iterator[np.ndarray]:
    """The first RANKED rows of the gallery for each query, of vectors of unit length [q, d] and [m, d]."""
    whole = Gallery(gallery)
    for vector in queries:
        yield nearest(Query(vector), whole).rows


def matches(
    ids: np.ndarray, gallery: Gallery, vector: np.ndarray, ranking: Ranking, count: int
) -> list[dict[str, Any]]:
    """The first matches of a query: rank, image_id, distance (by cosine, whatever the order is by) and, where keypoints
    were compared, inliers, whether the same thing is seen, and the homography, row by row; else null.
    """
    rows = ranking.rows[:count]
    found = []
    for rank, (row, cosine) in enumerate(zip(rows.tolist(), gallery.vectors[rows] @ vector, strict=True), 1):
        verified = ranking.verified.get(row)
        homography = verified.homography if verified else None
        match = {"rank": rank, "image_id": ids[row], "distance": float(1 - cosine)}
        match |= {"inliers": verified.inliers if verified else None}
        match |= {"same": verified.inliers >= gallery.min_inliers if verified else None}
        found.append({**match, "homography": None if homography is None else homography.ravel().tolist()})
    return found


def with_the_same(by_query: Iterable[Sequence[Mapping[str, Any]]]) -> int | None:
    """How many queries have a match that shows the same thing; None where no keypoints were compared."""
    known = [[match["same"] for match in found if match["same"] is not None] for found in by_query]
    return sum(any(one) for one in known) if any(known) else None


def as_json(by_query: Mapping[str, Sequence[Mapping[str, Any]]], origin_of: Mapping[str, str]) -> bytes:
    """The `matches` of each query, by the address of its file, as {query file: [{file, distance, inliers, same}, ...]};
    `origin_of`: the addresses of the gallery's files by id.
    """
    answer = {}
    for query, found in by_query.items():
        answer[origins.path(query)] = [
            {"file": origins.path(origin_of[match["image_id"]]), "distance": round(match["distance"], 6)}
            | ({name: match[name] for name in ("inliers", "same")} if match["inliers"] is not None else {})
            for match in found
        ]
    return json.dumps(answer, indent=1, ensure_ascii=False).encode()
