"""Matches as right and wrong: what counts, what does not, and intervals over groups."""

import pandas as pd
import pytest

from kindred.evaluation.matching_scores import COLUMNS, by_group, by_query, figures

TRUTH = {"q": "abbey", "r": "bridge", "a": "abbey", "b": "bridge", "c": "abbey"}
GALLERY = ["a", "b", "c", "x"]


def scored(orders: dict[str, list[str]], truth=TRUTH, left_out=None) -> dict[str, dict[str, float]]:
    return by_query(orders, truth, GALLERY, left_out or {}).set_index("query_id").to_dict("index")


def test_the_average_precision_is_the_mean_over_the_places_of_the_relevant_images() -> None:
    rows = scored({"q": ["x", "a", "c", "b"], "r": ["b", "a", "c", "x"]})

    assert rows["q"]["mean_average_precision"] == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert (rows["q"]["top_1_accuracy"], rows["q"]["top_3_accuracy"]) == (0, 1)
    assert rows["r"]["mean_average_precision"] == rows["r"]["top_1_accuracy"] == 1


def test_a_relevant_image_that_is_not_in_the_order_adds_nothing() -> None:
    assert scored({"q": ["a"]})["q"]["mean_average_precision"] == 1 / 2


def test_a_copy_of_the_query_is_neither_right_nor_wrong() -> None:
    rows = scored({"q": ["a", "x", "c", "b"]}, left_out={"q": {"a"}})

    assert rows["q"]["relevant"] == 1
    assert rows["q"]["mean_average_precision"] == 1 / 2


def test_junk_moves_up_what_comes_after_it_and_is_not_to_be_found() -> None:
    orders = {"q": ["x", "a", "b", "c"]}

    plain, wrong, right = (scored(orders, left_out={"q": junk})["q"] for junk in ([], ["x", "b"], ["a"]))

    assert (plain["top_1_accuracy"], plain["mean_average_precision"]) == (0, (1 / 2 + 2 / 4) / 2)
    assert (wrong["relevant"], wrong["top_1_accuracy"], wrong["mean_average_precision"]) == (2, 1, 1)
    assert (right["relevant"], right["top_1_accuracy"], right["mean_average_precision"]) == (1, 0, 1 / 3)


def test_a_query_whose_only_match_is_its_copy_is_not_scored() -> None:
    assert scored({"r": ["b", "a", "c", "x"]}, left_out={"r": {"b"}}) == {}


def test_queries_without_a_label_or_a_relevant_image_are_not_scored() -> None:
    assert scored({"unknown": ["a", "b"], "s": ["a", "b"]}, {**TRUTH, "s": "castle"}) == {}
    assert figures(by_query({}, {}, [], {})) == {"queries": 0, "groups": 0}


def rows(groups: int) -> pd.DataFrame:
    """Two queries of each group: both right in every other group, else both wrong."""
    values = [(f"{group}-{i}", str(group), 1, *[float(group % 2)] * 4) for group in range(groups) for i in range(2)]
    return pd.DataFrame(values, columns=list(COLUMNS))


def test_ten_groups_give_an_interval_and_nine_do_not() -> None:
    values = figures(rows(10))

    assert values["top_1_accuracy"] == 0.5
    assert values["top_1_accuracy_low"] == pytest.approx(0.2, abs=0.1)
    assert values["top_1_accuracy_high"] == pytest.approx(0.8, abs=0.1)
    assert not [name for name in figures(rows(9)) if name.endswith(("_low", "_high"))]


def test_the_interval_is_one_over_groups_whose_queries_are_alike() -> None:
    """Twice as many queries of the same groups tell no more."""
    one, two = figures(rows(12)), figures(pd.concat([rows(12)] * 2))

    assert two["top_1_accuracy_low"] == one["top_1_accuracy_low"]


def test_scores_by_group_count_their_queries() -> None:
    table = by_group(rows(2))

    assert table[["group", "queries", "top_1_accuracy"]].values.tolist() == [["0", 2, 0.0], ["1", 2, 1.0]]
