"""How good the search is, with numbers to check in one's head."""

import numpy as np
import pytest

import galleries
from kindred.evaluation import retrieval
from kindred.search import image_index
from kindred.search.shards import Images


def scores_of(relevant: list[int], distances: list[float] | None = None) -> dict[str, float]:
    return retrieval.scores(np.array([distances or range(len(relevant))], float), np.array([relevant], bool))


def test_precision_top_and_average_precision_of_one_query() -> None:
    figures = scores_of([0, 1, 0, 1, 0, 0, 0, 0, 0, 0])

    assert figures["precision_at_1"] == 0
    assert figures["precision_at_5"] == pytest.approx(2 / 5)
    assert figures["precision_at_8"] == pytest.approx(2 / 8)
    assert figures["precision_at_10"] == pytest.approx(2 / 10)
    assert (figures["top_1_accuracy"], figures["top_3_accuracy"], figures["top_10_accuracy"]) == (0, 1, 1)
    assert figures["mean_average_precision"] == pytest.approx((1 / 2 + 2 / 4) / 2)


def test_images_count_in_the_order_of_their_distance_and_ties_in_their_own() -> None:
    assert scores_of([0, 0, 1], [3, 2, 1])["precision_at_1"] == 1
    assert scores_of([0, 1], [5, 5])["precision_at_1"] == 0


def test_a_query_that_has_no_relevant_image_scores_0_and_a_perfect_one_1() -> None:
    assert set(scores_of([0, 0]).values()) == {0}
    assert set(scores_of([1, 1]).values()) == {1}


@pytest.fixture
def line() -> image_index.Index:
    """Cats at 0, 1, 2 and dogs at 10, 11, 12; the model takes the cat at 2 for a dog."""
    places = np.array([[0], [1], [2], [10], [11], [12]], np.float32)
    cat = np.array([0.9, 0.9, 0.4, 0.1, 0.1, 0.1], np.float32)
    return image_index.build(
        Images(places, np.stack([cat, 1 - cat], axis=1), list("abcdef"), ["unlabeled"] * 6, ["line"] * 6),
        ["cat", "dog"],
    )


QUERIES = Images(np.array([[0.1], [11.1]], np.float32), np.array([[0.8, 0.2], [0.3, 0.7]], np.float32), ["q", "r"])
LABELS = {"q": "cat", "r": "dog"}
KNOWN = dict(zip("abcdef", ["cat"] * 3 + ["dog"] * 3, strict=True))


def test_where_the_truth_of_all_is_known_it_alone_counts(line: image_index.Index) -> None:
    figures = retrieval.figures(line, QUERIES, LABELS | KNOWN)

    assert figures["search/l2/precision_at_1"] == 1
    assert figures["search/l2/precision_at_5"] == pytest.approx(3 / 5)
    assert figures["search/l2/mean_average_precision"] == 1
    assert figures["search/kullback_leibler/mean_average_precision"] < 1
    assert (figures["search/queries"], figures["search/gallery"]) == (2, 6)
    assert not any(name.startswith("search_by_model/") for name in figures)


def test_where_the_truth_of_some_is_known_the_figures_by_the_model_have_another_name(line: image_index.Index) -> None:
    figures = retrieval.figures(line, QUERIES, LABELS | {"a": "cat", "d": "dog"})

    assert (figures["search/gallery"], figures["search_by_model/gallery"]) == (2, 6)
    assert figures["search/l2/mean_average_precision"] == 1
    assert figures["search_by_model/probability_l2/mean_average_precision"] == pytest.approx(1)
    assert figures["search_by_model/l2/mean_average_precision"] == pytest.approx((1 + (1 + 1 + 1 + 4 / 4) / 4) / 2)


@pytest.fixture
def coast() -> image_index.Index:
    """The same places with several labels: the model says sea to 0, both to 1 and 2, sky to 10, and nothing to the
    others.
    """
    places = np.array([[0], [1], [2], [10], [11], [12]], np.float32)
    sea, sky = [0.9, 0.9, 0.9, 0.1, 0.1, 0.1], [0.1, 0.9, 0.9, 0.9, 0.1, 0.1]
    probabilities = np.array([sea, sky], np.float32).T
    images = Images(places, probabilities, list("abcdef"), ["unlabeled"] * 6, ["line"] * 6)
    return image_index.build(images, ["sea", "sky"], thresholds=[0.5, 0.5])


SETS = {
    "q": "sea",
    "r": "sea|sky",
    **dict(zip("abcdef", ["sea", "sea|sky", "sky", "sky", "(none)", "sea"], strict=True)),
}


def test_of_several_labels_one_in_common_makes_an_image_relevant(coast: image_index.Index) -> None:
    figures = retrieval.figures(coast, QUERIES, SETS)

    # From 0.1: a, b, then f at the end; from 11.1: e (nothing), f, d, c, b, a.
    assert figures["search/l2/precision_at_1"] == 1 / 2
    assert figures["search/l2/precision_at_5"] == pytest.approx((2 / 5 + 4 / 5) / 2)
    own = (1 + 1 + 3 / 6) / 3, (1 / 2 + 2 / 3 + 3 / 4 + 4 / 5 + 5 / 6) / 5
    assert figures["search/l2/mean_average_precision"] == pytest.approx(sum(own) / 2)
    assert (figures["search/queries"], figures["search/gallery"]) == (2, 6)


def test_of_several_labels_the_models_are_sets_too(coast: image_index.Index) -> None:
    figures = retrieval.figures(coast, QUERIES, {"q": "sea", "r": "sky"})

    # Sea: a, b, c of a, b, c, d ...; sky: the 3rd to the 5th of e, f, d, c, b, a.
    own = 1, (1 / 3 + 2 / 4 + 3 / 5) / 3
    assert figures["search_by_model/l2/mean_average_precision"] == pytest.approx(sum(own) / 2)


def test_without_any_truth_only_the_models_classes_count(line: image_index.Index) -> None:
    figures = retrieval.figures(line, QUERIES, LABELS)

    assert {name.split("/")[0] for name in figures} == {"search_by_model"}


def test_a_copy_of_a_query_does_not_count(line: image_index.Index) -> None:
    copies = line.add(Images(QUERIES.features, QUERIES.probabilities, ["q", "r"], ["train"] * 2, ["line"] * 2))

    assert retrieval.figures(copies, QUERIES, LABELS | KNOWN) == retrieval.figures(line, QUERIES, LABELS | KNOWN)


def test_images_with_a_given_label_are_no_finds(line: image_index.Index) -> None:
    more = Images(QUERIES.features, QUERIES.probabilities, ["m", "n"], ["train"] * 2, ["line"] * 2, ["dog", "cat"])
    truth = LABELS | KNOWN | {"m": "dog", "n": "cat"}

    assert retrieval.figures(line.add(more), QUERIES, truth) == retrieval.figures(line, QUERIES, truth)


def test_many_blocks_give_what_one_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    index = image_index.build(galleries.images(60), ["a", "b", "c"])
    queries, truth = galleries.images(20, seed=1, start=900), {f"{i:03d}": "abc"[i % 3] for i in range(1000)}
    whole = retrieval.figures(index, queries, truth)
    monkeypatch.setattr(retrieval, "BLOCK_DISTANCES", 7 * 60)

    assert retrieval.figures(index, queries, truth) == pytest.approx(whole)


def test_a_large_gallery_and_many_queries_are_cut_to_the_first_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    index, queries = image_index.build(galleries.images(60), ["a", "b", "c"]), galleries.images(20, seed=1, start=900)
    truth = {f"{i:03d}": "abc"[i % 3] for i in range(1000)}
    monkeypatch.setattr(retrieval, "MAX_QUERIES", 5)
    monkeypatch.setattr(retrieval, "MAX_GALLERY", 30)

    figures = retrieval.figures(index, queries, truth)

    assert (figures["search/queries"], figures["search/gallery"]) == (5, 30)
