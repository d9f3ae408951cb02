"""Pseudo-labels of several labels an image, as rows: one for each image and class."""

import numpy as np
import pytest

from kindred.learning import pseudo_label_set_tables, refusal_reasons
from kindred.learning.label_quotas import Chosen
from kindred.learning.multi_label import Labels
from kindred.runtime import arrow

CLASSES = ["sea", "trees"]
IDS = np.array(["a", "b"], object)
VALUES = np.array([[0.9, 0.2], [0.4, 0.7]])
PSEUDO = Labels(known=np.array([[True, True], [False, True]]), present=np.array([[True, False], [False, True]]))
NEAREST = np.array([["x"], ["y"]], object)


def test_what_is_accepted_and_what_is_not_are_all_pairs_of_image_and_class() -> None:
    accepted = pseudo_label_set_tables.accepted(PSEUDO, VALUES, IDS, NEAREST, CLASSES)
    refused = pseudo_label_set_tables.refused(PSEUDO, VALUES, [0.5, 0.5], IDS, CLASSES)

    names = ["image_id", "label", "present", "confidence"]
    rows = [tuple(row.values()) for row in accepted.select(names).to_pylist()]
    assert rows == [("a", "sea", True, 0.9), ("a", "trees", False, 0.8), ("b", "trees", True, pytest.approx(0.7))]
    assert accepted["nearest"].to_pylist() == [["x"], ["x"], ["y"]]
    (left,) = refused.select([*names, "reason"]).to_pylist()
    assert tuple(left.values()) == ("b", "sea", False, 0.6, refusal_reasons.BEYOND_QUOTA)
    for name, table in (("pseudo_labels", accepted), ("refused", refused)):
        assert table.select(arrow.schema(name).names).cast(arrow.schema(name)).num_rows == len(table)


def test_each_fold_has_its_own_rows_and_none_there_may_be() -> None:
    nothing = Labels(np.zeros((2, 2), bool), np.zeros((2, 2), bool))

    rows = pseudo_label_set_tables.by_fold([PSEUDO, nothing], [VALUES, VALUES], IDS, CLASSES)

    assert rows["fold"].to_pylist() == [0, 0, 0]
    assert len(pseudo_label_set_tables.accepted(nothing, VALUES, IDS, NEAREST, CLASSES)) == 0
    assert rows.select(arrow.schema("pseudo_labels_by_fold").names).num_rows == 3


def test_figures_count_images_and_labels() -> None:
    figures = pseudo_label_set_tables.figures(Chosen(0.6, [PSEUDO]))

    assert figures["pseudo/unlabelled"] == figures["pseudo/count"] == 2
    assert (figures["pseudo/pairs"], figures["pseudo/positives"], figures["pseudo/coverage"]) == (3, 2, 1.0)
    assert pseudo_label_set_tables.summary(figures) == (
        "quota 60% by the log loss out of fold: 3 labels (2 present, the others absent) of 2 of 2 unlabelled images"
    )
    none = pseudo_label_set_tables.figures(Chosen(0.0, [Labels(*np.zeros((2, 2, 2), bool))]))
    assert "no pseudo-label" in pseudo_label_set_tables.summary(none)
