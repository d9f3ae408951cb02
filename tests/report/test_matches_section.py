"""What the page says of matches."""

import numpy as np
import pandas as pd

from kindred.evaluation.matching_scores import COLUMNS
from kindred.report import matches_section
from kindred.report.blocks import Rows, Table, Text
from kindred.report.matches_section import Matches
from kindred.report.pictures import Pictures

IDS = ("q", "r", "a", "b")
PICTURES = Pictures(dict.fromkeys(IDS, np.zeros((8, 8, 3), np.uint8)), {name: f"/photos/{name}.jpg" for name in IDS})
MATCHES = pd.DataFrame(
    [("q", 1, "a", 0.1), ("q", 2, "b", 0.2), ("r", 1, "a", 0.3), ("r", 2, "b", 0.4)],
    columns=["query_id", "rank", "image_id", "distance"],
)
TRUTH = {"q": "abbey", "r": "bridge", "a": "abbey", "b": "bridge"}
SCORED = pd.DataFrame([("q", "abbey", 1, 1, 1, 1, 1.0), ("r", "bridge", 1, 0, 1, 1, 0.5)], columns=list(COLUMNS))
BY_LABEL = SCORED.drop(columns=["query_id", "relevant"]).assign(queries=1)
SCORES = {"top_1_accuracy": 0.5, "top_3_accuracy": 1, "top_10_accuracy": 1, "mean_average_precision": 0.75}
COUNTS = {"mean_average_precision_by_group": 0.75, "queries": 2, "groups": 2}
FIGURES = {
    f"matching/{step}/{name}": value
    for step in ("features", "embedded", "reranked")
    for name, value in {**SCORES, **COUNTS}.items()
}
METHOD = "pixels, none, none"


def test_the_first_matches_stand_beside_their_query_the_hardest_first() -> None:
    section = matches_section.section(Matches(MATCHES, TRUTH, SCORED, BY_LABEL), FIGURES, PICTURES, METHOD)
    rows = next(block for block in section.blocks if isinstance(block, Rows)).rows

    assert section.headline == "The first match is right for 50.0% of 2 queries; mean average precision 0.750."
    assert [name for name, _ in rows] == ["1. 1 of 1 found: bridge", "2. 1 of 1 found: abbey"]
    assert [tile.origins[0] for tile in rows[0][1]] == ["/photos/r.jpg", "/photos/a.jpg", "/photos/b.jpg"]


def test_junk_is_named_below_its_picture_and_is_not_among_those_found() -> None:
    matches = Matches(MATCHES, TRUTH, SCORED, BY_LABEL, {"q": {"a"}})
    section = matches_section.section(matches, FIGURES, PICTURES, METHOD)
    rows = next(block for block in section.blocks if isinstance(block, Rows)).rows

    assert [name for name, _ in rows] == ["1. 1 of 1 found: bridge", "2. 0 of 1 found: abbey"]
    assert [["junk" in tile.lines for tile in tiles] for _, tiles in rows] == [[False] * 3, [False, True, False]]


def test_steps_have_intervals_where_there_are_enough_labels_else_the_reason() -> None:
    ends = {"matching/reranked/top_1_accuracy_low": 0.25, "matching/reranked/top_1_accuracy_high": 0.75}
    table = matches_section.step_table({**FIGURES, **ends})
    section = matches_section.section(Matches(MATCHES, TRUTH, SCORED, BY_LABEL), FIGURES, PICTURES, METHOD)
    caption = next(block.caption for block in section.blocks if isinstance(block, Table))

    assert table["top-1"].tolist() == ["0.500", "0.500", "0.500 (0.250 to 0.750)"]
    assert "Too few labels (2) for intervals, which need 10." in caption


def test_a_run_that_is_scored_stands_beside_the_published_figures() -> None:
    *_, own = matches_section.published("this run", FIGURES).itertuples(index=False)

    assert list(own)[:3] == ["this run", 2, "0.50 (0.09 to 0.91)"]
    assert matches_section.published("this run", {})["method"].tolist() == list(matches_section.PUBLISHED)


def test_without_known_labels_the_matches_are_shown_all_the_same() -> None:
    section = matches_section.section(Matches(MATCHES, {}, SCORED[:0], BY_LABEL[:0]), {}, PICTURES, METHOD)

    assert section.headline == "2 queries; no known label tells whether their matches are right."
    assert [name for name, _ in section.blocks[0].rows] == ["1. no label", "2. no label"]


def test_queries_that_are_not_scored_are_counted() -> None:
    figures = {**FIGURES, "matching/queries_with_copy": 3, "matching/queries_without_label": 0}
    section = matches_section.section(Matches(MATCHES, TRUTH, SCORED, BY_LABEL), figures, PICTURES, METHOD)
    texts = [block.text for block in section.blocks if isinstance(block, Text)]

    assert texts == ["Queries: 3 of which the gallery has a copy, which does not count."]
