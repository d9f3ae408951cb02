"""Pseudo-labels by confidence, counted by hand."""

import numpy as np
import pandas as pd
import pytest

from kindred.report import pseudo_labels_section
from kindred.report.blocks import Plot
from kindred.report.pictures import Pictures
from report_run import text_of

ACCEPTED = pd.DataFrame(
    {
        "image_id": list("abc"),
        "label": ["cat", "cat", "dog"],
        "confidence": [0.95, 1.0, 0.65],
        "truth": ["cat", "dog", None],
    }
)
BY_CLASS = pd.DataFrame(
    {"accepted": [2, 1], "refused": [1, 0], "coverage": [0.7, 1.0], "precision": np.nan, "confidence": [0.9, 0.6]},
    index=pd.Index(["cat", "dog"], name="class"),
)
ESTIMATED = {
    **{"pseudo/count": 3, "pseudo/known": 0, "pseudo/estimated_precision": 0.87},
    **{"pseudo/estimated_precision_low": 0.8, "pseudo/estimated_precision_high": 0.94},
}
PICTURES = Pictures(dict.fromkeys("abc", np.zeros((8, 8, 3), np.uint8)), {i: f"/photos/{i}.jpg" for i in "abc"})
REFUSED = ACCEPTED.head(1).assign(confidence=0.2, reason="below the threshold")


def test_pseudo_labels_are_counted_by_confidence() -> None:
    bins = pseudo_labels_section.by_confidence(ACCEPTED, REFUSED).set_index("from")

    assert bins.loc[0.9, ["accepted", "known", "precision"]].tolist() == [2, 2, 0.5]
    assert bins.loc[0.6, ["accepted", "known"]].tolist() == [1, 0]
    assert np.isnan(bins.loc[0.6, "precision"])
    assert bins.loc[0.2, "refused"] == 1


def test_the_headline_tells_how_many_are_right_where_that_is_known() -> None:
    figures = {"pseudo/count": 3, "pseudo/known": 2, "pseudo/precision": 0.5}

    assert pseudo_labels_section.headline(ACCEPTED, REFUSED, figures) == (
        "3 of 4 unlabelled images (75.0%) got a pseudo-label. "
        "50.0% of the pseudo-labels are right (of 2 whose truth is known)."
    )
    assert pseudo_labels_section.headline(ACCEPTED.head(0), REFUSED, {}) == (
        "None of 1 unlabelled images got a pseudo-label."
    )


def test_where_no_truth_is_known_the_estimate_is_told_with_its_interval() -> None:
    headline = pseudo_labels_section.headline(ACCEPTED.assign(truth=None), REFUSED, ESTIMATED)

    assert "An estimated 87.0% of the pseudo-labels are right (95 % interval 80.0% to 94.0%)" in headline
    assert "their truth is not known, so this is the mean of their calibrated probabilities" in headline


def test_where_the_truth_of_some_is_known_both_are_told() -> None:
    headline = pseudo_labels_section.headline(
        ACCEPTED, REFUSED, {**ESTIMATED, "pseudo/known": 2, "pseudo/precision": 0.5}
    )

    assert "50.0% of the pseudo-labels are right (of 2 whose truth is known). An estimated 87.0% of all" in headline


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(("truth", "panels"), [(["cat", "dog", None], 4), (None, 3)], ids=["known", "not known"])
def test_where_no_truth_is_known_a_sentence_stands_for_the_plot_of_the_precision(
    truth: list[str | None] | None, panels: int
) -> None:
    accepted = ACCEPTED.assign(truth=truth)

    section = pseudo_labels_section.section(accepted, REFUSED, BY_CLASS, ESTIMATED, PICTURES)

    assert (pseudo_labels_section.UNKNOWN in text_of(section)) == (truth is None)
    assert sum(len(block.panels) for block in section.blocks if isinstance(block, Plot)) == panels


def test_the_least_confident_come_first() -> None:
    assert pseudo_labels_section.least_confident(ACCEPTED)["image_id"].tolist() == ["c", "a", "b"]
