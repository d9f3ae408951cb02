"""What a search answers: the neighbours of each query, and what is known of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from kindred.search import shards
from kindred.search.distances import DISTANCES
from kindred.search.gallery import Gallery
from kindred.search.shards import Images

# Images are duplicates if their features differ by at most this part of the longer ones' length. 0: only equal ones.
DUPLICATE_TOLERANCE = 1e-3


class Neighbour(NamedTuple):
    """An image of the gallery. `duplicate`: it has the query's id, or features within DUPLICATE_TOLERANCE. `origin`:
    which file or row it is, `label`: the given one; None where there is none. `prediction` and `confidence` are None in
    an index without classes; `inliers`, and whether these are enough to show the `same` thing, unless keypoints were
    compared.
    """

    image_id: str
    distance: float
    prediction: str | None
    confidence: float | None
    split: str
    dataset: str
    duplicate: bool
    origin: str | None = None
    label: str | None = None
    inliers: int | None = None
    same: bool | None = None


@dataclass(frozen=True)
class Answer:
    """The neighbours of one query, best first, and what is known of the query itself (None where it is not).

    An approximate answer says its `recall`: the measured share of the nearest images that such answers have. An exact
    one where an approximate one was asked for says the `reason`. `reranker` is the one that the order is by, None where
    it is by distance alone.
    """

    image_id: str | None
    prediction: str | None
    confidence: float | None
    distance: str
    farthest: bool
    neighbours: list[Neighbour]
    recall: float | None = None
    reason: str | None = None
    origin: str | None = None
    label: str | None = None
    reranker: str | None = None

    @property
    def has_match(self) -> bool | None:
        """Does a neighbour show the same thing as the query? None where no keypoints were compared."""
        known = [neighbour.same for neighbour in self.neighbours if neighbour.same is not None]
        return any(known) if known else None

    @property
    def exact(self) -> bool:
        """Are these the best images of all, without a doubt?"""
        return self.recall is None


@dataclass(frozen=True)
class Ranking:
    """The rows of a gallery that queries get, best first: query, row and distance [m], the queries rising."""

    query: np.ndarray
    row: np.ndarray
    distances: np.ndarray


def answers(
    queries: Images,
    gallery: Gallery,
    classes: list[str],
    ranking: Ranking,
    distance: str,
    farthest: bool,
    recall: float | None = None,
    reason: str | None = None,
) -> list[Answer]:
    """The answer to each query."""
    neighbours = _neighbours(queries, gallery, classes, ranking)
    ends = np.searchsorted(ranking.query, np.arange(len(queries) + 1))
    unknown = [None] * len(queries)
    ids: Sequence[str | None] = queries.ids or unknown
    predictions: Sequence[str | None] = unknown
    confidences: Sequence[float | None] = unknown
    if classes and queries.probabilities is not None:
        predictions = [classes[number] for number in queries.probabilities.argmax(axis=1)]
        confidences = queries.probabilities.max(axis=1).tolist()
    labels, origins = queries.known("labels"), queries.known("origins")
    return [
        Answer(
            ids[i],
            predictions[i],
            confidences[i],
            distance,
            farthest,
            neighbours[ends[i] : ends[i + 1]],
            recall,
            reason,
            origin=origins[i],
            label=labels[i],
        )
        for i in range(len(queries))
    ]


def _neighbours(queries: Images, gallery: Gallery, classes: list[str], ranking: Ranking) -> list[Neighbour]:
    columns = gallery.columns(("ids", "splits", "datasets", "labels", "attributes"), ranking.row)
    attributes, unknown = columns["attributes"], [None] * len(ranking.row)
    return [
        Neighbour(image_id, distance, prediction, confidence, split, dataset, duplicate, origin, label)
        for image_id, distance, prediction, confidence, split, dataset, duplicate, origin, label in zip(
            shards.decoded(columns["ids"]),
            ranking.distances.tolist(),
            [classes[number] for number in attributes["prediction"].tolist()] if classes else unknown,
            attributes["confidence"].tolist() if classes else unknown,
            shards.decoded(columns["splits"]),
            shards.decoded(columns["datasets"]),
            _duplicates(queries, gallery, ranking, columns["ids"], attributes["length"]).tolist(),
            gallery.origins(ranking.row),
            shards.decoded_labels(columns["labels"]),
            strict=True,
        )
    ]


def _duplicates(
    queries: Images, gallery: Gallery, ranking: Ranking, ids: np.ndarray, lengths: np.ndarray
) -> np.ndarray:
    """Whether each row of a ranking is a duplicate of its query, [m]."""
    same = np.zeros(len(ranking.row), bool)
    if queries.ids is not None:
        same = shards.encoded(queries.ids)[ranking.query] == ids
    if queries.features is None:
        return same
    features = np.asarray(queries.features, np.float32)
    own = np.linalg.norm(features.astype(np.float64), axis=1)[ranking.query]
    longer = np.maximum(own, lengths)
    near = np.flatnonzero(np.abs(own - lengths) <= 2 * DUPLICATE_TOLERANCE * longer)  # else they differ by more
    for shard, here, inside in gallery.parts(ranking.row[near]):
        pairs = near[here]
        squares = DISTANCES["l2"].indexed_keys(features, ranking.query[pairs], shard["features"], inside)
        same[pairs] |= np.sqrt(squares) <= DUPLICATE_TOLERANCE * longer[pairs]
    return same
