"""An index that was saved before there was a distance: what it answers by it, and what it refuses."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from galleries import WIDE, images, index
from kindred.runtime.errors import InputError
from kindred.search import image_index
from kindred.search.distances import DISTANCES, SQUARED, Distance
from kindred.search.shards import Images

QUERIES = images(9, WIDE, seed=1, start=500)


@pytest.fixture(autouse=True)
def _same_distances_afterwards() -> Iterator[None]:
    """In the same order, too: what is deleted and put back stands last."""
    before = dict(DISTANCES)
    yield
    DISTANCES.clear()
    DISTANCES.update(before)


@pytest.fixture
def three(tmp_path: Path) -> str:
    """An index that was saved when there were three distances; now `kullback_leibler` is there as well."""
    newer = DISTANCES.pop("kullback_leibler")
    image_index.build(images(60, WIDE), ["a", "b", "c"]).save(f"file://{tmp_path}")
    DISTANCES[newer.name] = newer
    return f"file://{tmp_path}"


def results(opened: image_index.Index, name: str, farthest: bool = False) -> list:
    return [[n[:2] for n in answer.neighbours] for answer in opened.search(QUERIES, 5, name, farthest)]


def test_an_index_lists_the_distances_that_it_holds(three: str) -> None:
    assert json.loads(Path(three[7:], "about.json").read_text())["distances"] == ["l2", "cosine", "probability_l2"]
    assert not list(Path(three[7:]).glob("*-kullback_leibler.npy"))


@pytest.mark.parametrize("farthest", [False, True])
def test_by_a_newer_distance_an_index_answers_what_a_fresh_one_does(three: str, farthest: bool) -> None:
    opened = image_index.open_folder(three)

    assert results(opened, "kullback_leibler", farthest) == results(index(60, WIDE), "kullback_leibler", farthest)
    assert results(opened, "cosine", farthest) == results(index(60, WIDE), "cosine", farthest)


def test_a_newer_distance_whose_points_are_shortened_gives_what_a_fresh_index_does(
    three: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    halves = Distance("halves", "features", SQUARED, lambda vectors, query: np.float64(vectors) / 2, np.sqrt)
    monkeypatch.setitem(DISTANCES, "halves", halves)
    fresh = image_index.build(images(60, WIDE), ["a", "b", "c"])

    opened = image_index.open_folder(three)

    assert results(opened, "halves") == results(fresh, "halves")
    assert len(opened._made["halves"][0].axes)


def test_what_is_added_and_deleted_counts_by_a_newer_distance_too(three: str, tmp_path: Path) -> None:
    changed = image_index.open_folder(three)
    changed.search(QUERIES, 5, "kullback_leibler")
    more = images(20, WIDE, seed=3, start=100)

    changed = changed.add(more).delete(["001", "101"])
    changed.save(f"file://{tmp_path}/again")

    fresh = index(60, WIDE).add(more).delete(["001", "101"])
    for opened in (changed, image_index.open_folder(f"file://{tmp_path}/again")):
        assert results(opened, "kullback_leibler") == results(fresh, "kullback_leibler")


def test_an_index_that_lists_no_distances_has_those_of_its_lower_bounds(three: str, tmp_path: Path) -> None:
    about = Path(three[7:], "about.json")
    content = json.loads(about.read_text())
    about.write_text(json.dumps({n: v for n, v in content.items() if n not in ("distances", "files", "checksum")}))

    opened = image_index.open_folder(three)

    assert list(opened.bounds) == ["l2", "cosine", "probability_l2"]
    assert results(opened, "kullback_leibler") == results(index(60, WIDE), "kullback_leibler")


def test_a_distance_that_there_is_no_more_does_not_keep_an_index_from_opening(three: str) -> None:
    del DISTANCES["l2"]

    assert results(image_index.open_folder(three), "cosine") == results(index(60, WIDE), "cosine")


def roots(vectors: np.ndarray, query: bool) -> np.ndarray:
    return np.sqrt(np.float64(vectors))


@pytest.mark.parametrize(
    ("vectors", "reason"), [("angles", "which needs angles"), ("features", "which is not defined for its features")]
)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_newer_distance_that_the_index_cannot_have_is_refused_in_one_line(
    three: str, monkeypatch: pytest.MonkeyPatch, vectors: str, reason: str
) -> None:
    monkeypatch.setitem(DISTANCES, "roots", Distance("roots", vectors, SQUARED, roots, np.sqrt))
    opened = image_index.open_folder(three)

    with pytest.raises(InputError) as error:
        opened.search(QUERIES, 5, "roots")

    step = "search by one of these, or run the 'build_index' stage again"
    has = "it has l2, cosine, probability_l2"
    assert str(error.value) == f"the index cannot answer by 'roots', {reason}; {has}; {step}"
    assert results(opened, "l2") == results(index(60, WIDE), "l2")


def test_a_query_for_which_a_distance_is_not_defined_is_refused() -> None:
    broken = Images(np.full((1, WIDE), np.nan, np.float32))

    with pytest.raises(InputError, match="'l2' is not defined for the features of every query"):
        index(60, WIDE).search(broken, 5, "l2")
