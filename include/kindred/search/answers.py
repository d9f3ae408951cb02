"""What a search answers: the neighbours of each query, and what is known of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from kindred.runtime import label_sets
from kindred.runtime.label_sets import Thresholds
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
    compared. With several labels an image `prediction` and `label` are as `label_sets.joined` writes them, `confidence`
    is that of the whole set, and `predicted` has the probability of each class in it, the greatest first; else None.
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
    predicted: dict[str, float] | None = None


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
    predicted: dict[str, float] | None = None

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
    thresholds: Thresholds,
    ranking: Ranking,
    distance: str,
    farthest: bool,
    recall: float | None = None,
    reason: str | None = None,
) -> list[Answer]:
    """The answer to each query."""
    neighbours = _neighbours(queries, gallery, classes, thresholds, ranking)
    ends = np.searchsorted(ranking.query, np.arange(len(queries) + 1))
    unknown = [None] * len(queries)
    ids: Sequence[str | None] = queries.ids or unknown
    predictions: Sequence[str | None] = unknown
    confidences: Sequence[float | None] = unknown
    predicted: Sequence[dict[str, float] | None] = unknown
    if classes and queries.probabilities is not None:
        predictions = label_sets.predictions(queries.probabilities, classes, thresholds)
        confidences = label_sets.confidences(queries.probabilities, thresholds).tolist()
        predicted = predicted_classes(queries.probabilities, classes, thresholds)
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
            predicted=predicted[i],
        )
        for i in range(len(queries))
    ]


def predicted_classes(
    probabilities: np.ndarray, classes: list[str], thresholds: Thresholds
) -> list[dict[str, float]] | list[None]:
    """With several labels an image the probability of each class that an image has, the greatest first, by
    probabilities [n, classes]; None with one label, of which prediction and confidence say it.

    >>> predicted_classes(np.array([[0.7, 0.9, 0.1]]), ["sea", "sky", "tree"], [0.5, 0.5, 0.5])
    [{'sky': 0.9, 'sea': 0.7}]
    """
    if thresholds is None:
        return [None] * len(probabilities)
    numbers = [np.flatnonzero(row) for row in label_sets.chosen(probabilities, thresholds)]
    ordered = [own[np.argsort(-row[own], kind="stable")] for own, row in zip(numbers, probabilities, strict=True)]
    return [
        {classes[number]: float(row[number]) for number in own.tolist()}
        for own, row in zip(ordered, probabilities, strict=True)
    ]


def _neighbours(
    queries: Images, gallery: Gallery, classes: list[str], thresholds: Thresholds, ranking: Ranking
) -> list[Neighbour]:
    columns = gallery.columns(("ids", "splits", "datasets", "labels", "attributes"), ranking.row)
    attributes, unknown = columns["attributes"], [None] * len(ranking.row)
    predictions: Sequence[str | None] = unknown
    predicted: Sequence[dict[str, float] | None] = unknown
    if thresholds is not None:
        probabilities = gallery.column("probabilities", ranking.row)
        predictions = label_sets.predictions(probabilities, classes, thresholds)
        predicted = predicted_classes(probabilities, classes, thresholds)
    elif classes:
        predictions = [classes[number] for number in attributes["prediction"].tolist()]
    return [
        Neighbour(image_id, distance, prediction, confidence, split, dataset, duplicate, origin, label, predicted=own)
        for image_id, distance, prediction, confidence, split, dataset, duplicate, origin, label, own in zip(
            shards.decoded(columns["ids"]),
            ranking.distances.tolist(),
            predictions,
            attributes["confidence"].tolist() if classes else unknown,
            shards.decoded(columns["splits"]),
            shards.decoded(columns["datasets"]),
            _duplicates(queries, gallery, ranking, columns["ids"], attributes["length"]).tolist(),
            gallery.origins(ranking.row),
            shards.decoded_labels(columns["labels"]),
            predicted,
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
