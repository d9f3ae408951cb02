"""Pseudo-labels by confidence, counted by hand."""

import numpy as np
import pandas as pd

from kindred.report import pseudo_labels_section

ACCEPTED = pd.DataFrame(
    {
        "image_id": list("abc"),
        "label": ["cat", "cat", "dog"],
        "confidence": [0.95, 1.0, 0.65],
        "truth": ["cat", "dog", None],
    }
)
REFUSED = ACCEPTED.head(1).assign(confidence=0.2, reason="below the threshold")


def test_pseudo_labels_are_counted_by_confidence() -> None:
    bins = pseudo_labels_section.by_confidence(ACCEPTED, REFUSED).set_index("from")

    assert bins.loc[0.9, ["accepted", "known", "precision"]].tolist() == [2, 2, 0.5]
    assert bins.loc[0.6, ["accepted", "known"]].tolist() == [1, 0]
    assert np.isnan(bins.loc[0.6, "precision"])
    assert bins.loc[0.2, "refused"] == 1


def test_the_headline_tells_how_many_are_right_where_that_is_known() -> None:
    assert pseudo_labels_section.headline(ACCEPTED, REFUSED) == (
        "3 of 4 unlabelled images (75.0%) got a pseudo-label; 50.0% of the 2 whose truth is known are right."
    )
    assert (
        pseudo_labels_section.headline(ACCEPTED.head(0), REFUSED) == "None of 1 unlabelled images got a pseudo-label."
    )


def test_the_least_confident_come_first() -> None:
    assert pseudo_labels_section.least_confident(ACCEPTED)["image_id"].tolist() == ["c", "a", "b"]
