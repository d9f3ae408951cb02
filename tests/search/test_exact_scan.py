"""What every distance must hold, a new one too: the answer is that of comparing each pair in float64."""

import copy
import functools
from collections.abc import Iterator

import numpy as np
import pytest

from kindred.search import distances, exact_scan, image_index
from kindred.search.distances import DISTANCES, SQUARED, Distance
from kindred.search.image_index import Index
from kindred.search.shards import Images

NARROW, WIDE = 8, 240
HELLINGER = Distance("hellinger", "features", SQUARED, lambda vectors, query: np.sqrt(np.float64(vectors)), np.sqrt)
NAMES = [*DISTANCES, HELLINGER.name]


@pytest.fixture(scope="module", autouse=True)
def _one_distance_more() -> Iterator[None]:
    """A distance that states no more than it must: its points and that they are compared by squared L2."""
    DISTANCES[HELLINGER.name] = HELLINGER
    yield
    del DISTANCES[HELLINGER.name]


def vectors(count: int, width: int, seed: int) -> np.ndarray:
    """Random shares [n, width], float32, where every fourth row is the one before it once more."""
    rows = np.random.default_rng(seed).dirichlet(np.full(width, 0.5), count).astype(np.float32)
    rows[3::4] = rows[2::4]
    return rows


@functools.cache
def images(count: int, width: int, seed: int) -> Images:
    ids = [f"{seed}-{number:04d}" for number in range(count)]
    same = {"splits": ["unlabeled"] * count, "datasets": ["shares"] * count}
    return Images(vectors(count, width, seed), vectors(count, width, seed + 100), ids, **same)


@functools.cache
def index(width: int, several: bool = False) -> Index:
    """300 images by all distances for one label an image, or for several."""
    thresholds = {"thresholds": [0.5] * width} if several else {}
    return image_index.build(images(300, width, seed=0), [f"class {number}" for number in range(width)], **thresholds)


def with_copies(queries: Images, gallery: Images) -> Images:
    """Queries of which the first is an image that the gallery has twice."""
    features = np.concatenate([gallery.features[2:3], queries.features[1:]])
    return Images(features, np.concatenate([gallery.probabilities[2:3], queries.probabilities[1:]]), queries.ids)


def by_each_pair(gallery: Images, queries: Images, k: int, name: str, farthest: bool) -> list:
    """ids and distances of the k best images for each query, ties by id."""
    distance, answers = distances.distance(name), []
    rows = getattr(gallery, distance.vectors)
    for query in getattr(queries, distance.vectors):
        values = distance.value(distance.keys(np.tile(query, (len(rows), 1)), rows))
        order = np.lexsort((gallery.ids, -values if farthest else values))[:k]
        answers.append([(gallery.ids[row], values[row]) for row in order])
    return answers


@pytest.mark.parametrize("farthest", [False, True], ids=["nearest", "farthest"])
@pytest.mark.parametrize("width", [NARROW, WIDE], ids=["narrow", "wide"])
@pytest.mark.parametrize("name", NAMES)
def test_the_answer_by_every_distance_is_that_of_comparing_each_pair(name: str, width: int, farthest: bool) -> None:
    gallery, queries = images(300, width, seed=0), with_copies(images(20, width, seed=1), images(300, width, seed=0))

    several = bool(distances.distance(name).several)
    answers = index(width, several).search(queries, 5, name, farthest)

    neighbours = [[(n.image_id, n.distance) for n in answer.neighbours] for answer in answers]
    assert neighbours == by_each_pair(gallery, queries, 5, name, farthest)
    assert all(answer.exact for answer in answers)


def test_the_results_of_a_search_stay_as_they_are_when_the_thread_searches_again() -> None:
    gallery = index(WIDE)
    scan = exact_scan.Scan(gallery.gallery, gallery.bounds["l2"], farthest=False, k=5, threads=1)
    queries, nothing = images(20, WIDE, seed=1), np.full(20, -1)
    answers, rows = gallery.search(queries, 5, "cosine"), scan.best(queries.features, nothing, None)
    before = copy.deepcopy((answers, rows))

    gallery.search(images(20, WIDE, seed=2), 9, "l2", farthest=True)
    scan.best(images(20, WIDE, seed=2).features, nothing, None)

    assert answers == before[0]
    assert all(np.array_equal(one, other) for one, other in zip(rows, before[1], strict=True))


def test_memory_that_is_in_use_is_given_to_nobody_else_and_used_again_afterwards() -> None:
    with exact_scan.scratch((3, 4), np.float32) as first, exact_scan.scratch((3, 4), np.float32) as second:
        assert not np.shares_memory(first, second)
    with exact_scan.scratch((2, 2), np.float32) as again:
        assert np.shares_memory(again, first)
