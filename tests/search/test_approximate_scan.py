"""The approximate search: what it answers, what it says of its recall, and when it answers exactly."""

import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from galleries import CLASSES, WIDE, images, index
from kindred.runtime import file_checks, file_names, storage
from kindred.runtime.errors import InputError
from kindred.runtime.variants import APPROXIMATE, EXACT
from kindred.search import cells, exact_scan, image_index, recall, shards
from kindred.search.answers import Answer
from kindred.search.approximate_scan import ApproximateScan
from kindred.search.cells import Cells
from kindred.search.gallery import Filter
from kindred.search.image_index import Index
from kindred.search.shards import Images

pytestmark = pytest.mark.slow  # the index that all share takes seconds
COUNT = 2000


@functools.cache
def gallery() -> Index:
    return image_index.build(pictures(0, COUNT), CLASSES, APPROXIMATE)


def pictures(start: int, end: int) -> Images:
    """Images whose features are of 12 factors, as a network's are of few; those of the gallery are the first COUNT."""
    mixing = np.random.default_rng(9).normal(size=(12, WIDE))
    noise = 0.05 * np.random.default_rng(1).normal(size=(COUNT + 50, WIDE))
    features = images(COUNT + 50, 12).features @ mixing + noise
    whole = replace(images(COUNT + 50, 4), features=features.astype(np.float32))
    return whole[start:end]


def asked(of: Index, name: str = "l2", k: int = 10, mode: str = APPROXIMATE, **rest) -> list[Answer]:
    return of.search(pictures(COUNT, COUNT + 50), k, name, mode=mode, **rest)


def ids(answers: list[Answer]) -> list[list[str]]:
    return [[near.image_id for near in answer.neighbours] for answer in answers]


def found(answers: list[Answer], exact: list[Answer]) -> float:
    """The share of the exact answers' images that the others have too."""
    return float(
        np.mean([len({*some} & {*every}) / len(every) for some, every in zip(ids(answers), ids(exact), strict=True)])
    )


@pytest.mark.parametrize("k", [1, 10, 100])
@pytest.mark.parametrize("name", cells.DISTANCES)
def test_an_approximate_answer_has_exact_distances_and_about_the_recall_that_it_says(name: str, k: int) -> None:
    answers, exact = asked(gallery(), name, k), asked(gallery(), name, k, EXACT)

    said = answers[0].recall
    assert said is not None
    assert said >= 0.98
    assert not answers[0].exact
    assert found(answers, exact) >= said - 0.02
    for answer, true in zip(answers, exact, strict=True):
        true_distances = {near.image_id: near.distance for near in true.neighbours}
        assert len(answer.neighbours) == k
        assert all(near.distance == true_distances.get(near.image_id, near.distance) for near in answer.neighbours)
        assert [near.distance for near in answer.neighbours] == sorted(near.distance for near in answer.neighbours)


def test_it_looks_into_some_of_the_cells_only_and_fewer_find_less() -> None:
    (setting, *_) = (recall.Setting(*one) for one in gallery().about[APPROXIMATE]["l2"])
    few = {"l2": [[10, 1, 4, 0.95]]}

    hasty = Index({**gallery().about, APPROXIMATE: few}, gallery().bounds, gallery().gallery, gallery().cells)

    assert setting.probes < len(gallery().cells["l2"].centroids)
    exact = asked(gallery(), mode=EXACT)
    assert found(asked(hasty), exact) < found(asked(gallery()), exact)
    assert asked(hasty)[0].recall == 0.95


def test_the_least_that_suffices_is_chosen_and_its_recall_is_that_of_other_images() -> None:
    asked_rows = {}

    def distances(rows: np.ndarray, k: int, probes: int, compared: int) -> np.ndarray:
        asked_rows[probes, compared] = {*rows.tolist()}
        found = np.tile(np.arange(1.0, k + 1), (len(rows), 1))
        if 0 < probes < 4 or 0 < compared < 16:
            found[:, -1] = np.inf
        if probes and rows[0] == 1:  # those that measure
            found[:10, -1] = np.inf
        return found

    (setting,) = recall.settings(np.arange(100), 9, distances)

    assert setting == (10, 5, 16, 0.98)  # of 50 images 10 miss one of 10; 1, 2, 3, 5 cells were tried
    assert not asked_rows[5, 16] & asked_rows[3, 16]


def test_a_distance_of_little_recall_is_answered_exactly() -> None:
    poor = {**gallery().about, APPROXIMATE: {"l2": [[10, 1, 4, 0.89]]}}

    (answer, *_) = asked(replace(gallery(), about=poor))

    assert (answer.exact, answer.reason) == (True, "its recall would be 89.0%")


@pytest.mark.parametrize(
    ("rest", "reason"),
    [
        ({"where": Filter(classes=["a"])}, "a filter would lose recall"),
        ({"farthest": True}, "the least similar images are always exact"),
        ({"name": "kullback_leibler"}, "the distance kullback_leibler is always exact"),
        ({"name": "probability_l2"}, "the distance probability_l2 is always exact"),
        ({"k": 101}, "recall is measured up to 100 results"),
    ],
)
def test_what_would_lose_recall_is_answered_exactly_and_why(rest: dict, reason: str) -> None:
    answers, exact = asked(gallery(), **rest), asked(gallery(), mode=EXACT, **rest)

    assert ids(answers) == ids(exact)
    assert (answers[0].exact, answers[0].recall, answers[0].reason) == (True, None, reason)
    assert exact[0].reason is None


def test_an_index_that_was_built_without_it_refuses_and_names_the_next_step() -> None:
    line = "the index can only be searched exactly; search with the mode exact, or run the 'build_index' stage with "

    with pytest.raises(InputError, match=line + "the search mode approximate"):
        asked(index(50, WIDE), k=3)
    with pytest.raises(InputError, match="unknown mode 'quick'; known: exact, approximate"):
        asked(index(50, WIDE), k=3, mode="quick")


def test_deleted_images_are_not_found_and_added_ones_are() -> None:
    first = [answer.neighbours[0].image_id for answer in asked(gallery())]
    new = pictures(COUNT, COUNT + 3)  # the same features as the first queries

    changed = gallery().delete(sorted({*first})).add(new)

    answers = changed.search(replace(pictures(COUNT, COUNT + 50), ids=None), 10, "l2", mode=APPROXIMATE)
    assert answers[0].recall is not None
    assert not {*first} & {image_id for of in ids(answers) for image_id in of}
    assert [answer.neighbours[0].image_id for answer in answers[:3]] == ["2000", "2001", "2002"]


def test_a_query_does_not_get_itself() -> None:
    queries = gallery().images(["100", "1500"])

    answers = gallery().search(queries, 10, "cosine", mode=APPROXIMATE)

    assert answers[0].recall is not None
    assert all(answer.image_id not in some for answer, some in zip(answers, ids(answers), strict=True))
    with_itself = gallery().search(queries, 10, "cosine", itself=True, mode=APPROXIMATE)
    assert [answer.neighbours[0].image_id for answer in with_itself] == ["100", "1500"]


def test_after_many_changes_it_answers_exactly_until_saving_measures_its_recall_anew(tmp_path: Path) -> None:
    changed = gallery().delete(gallery().ids()[: COUNT // 5])

    changed.save(f"file://{tmp_path}")

    assert asked(changed)[0].reason == (
        "more than 10% of the images have changed since recall was measured; saving measures it anew"
    )
    opened = image_index.open_folder(f"file://{tmp_path}")
    answers = asked(opened)
    assert answers[0].recall == recall.Setting(*opened.about[APPROXIMATE]["l2"][0]).recall
    assert found(answers, asked(changed)) >= 0.97


def test_a_saved_index_answers_as_the_one_in_memory(tmp_path: Path) -> None:
    gallery().save(f"file://{tmp_path}")

    opened = image_index.open_folder(f"file://{tmp_path}")

    for name in cells.DISTANCES:
        answers = asked(opened, name)
        assert ids(answers) == ids(asked(gallery(), name))
        assert answers[0].recall == asked(gallery(), name)[0].recall


def test_a_damaged_file_of_cells_is_reported(tmp_path: Path) -> None:
    gallery().save(f"file://{tmp_path}")
    (tmp_path / file_names.CELLS).write_bytes(b"?")

    with pytest.raises(InputError, match=f"{file_names.CELLS}.*{file_checks.AGAIN}"):
        image_index.open_folder(storage.uri(str(tmp_path)))


def test_a_query_whose_cells_hold_too_few_images_gets_its_k_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    small = image_index.build(images(60, 4), CLASSES, APPROXIMATE)
    far = Cells(np.array([[0] * 16, [1e3] * 16], np.float32), small.cells["l2"].ranges)  # the second is empty
    shard = shards.make(images(60, 4), small.bounds, {"l2": far})
    held = small.gallery.__class__((shard,), (None,))
    scan = ApproximateScan(held, small.bounds["l2"], False, 10, 1, far, 1, 4)

    monkeypatch.setattr(exact_scan, "BOUNDS_PER_BLOCK", 120)  # two queries at a time
    query, rows, _ = scan.best(np.full((5, 4), 1e4, np.float32), np.full(5, -1), None)

    assert query.tolist() == np.repeat(range(5), 10).tolist()
    assert rows.tolist() == 5 * rows[:10].tolist()
    assert len(replace(scan, complete=False).best(np.full((5, 4), 1e4, np.float32), np.full(5, -1), None)[0]) == 0


def test_a_gallery_that_is_smaller_than_what_is_measured_is_exact() -> None:
    tiny = image_index.build(pictures(0, 8), CLASSES, APPROXIMATE)

    (answer, *_) = asked(tiny, k=3)

    assert answer.exact
