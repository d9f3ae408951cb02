"""Predicted sets of labels against the truth, with numbers to check in one's head."""

import numpy as np
import pyarrow as pa
import pytest

from kindred.evaluation import multi_label_scoring
from kindred.learning.multi_label import Labels

CLASSES = ["sea", "sunset", "trees"]


def label_rows(*rows: tuple[str, str, bool]) -> pa.Table:
    return pa.table(dict(zip(("image_id", "label", "present"), map(list, zip(*rows, strict=True)), strict=True)))


TRUTH = label_rows(
    *[("a", "sea", True), ("a", "sunset", True), ("a", "trees", False)],
    *[("b", "sea", False), ("b", "trees", True)],
    ("d", "glacier", True),  # none of the classes
)


def test_only_images_of_which_a_class_is_known_are_scored_in_the_order_of_their_ids() -> None:
    values = [[0.25, 0.5, 0.75], [0.5, 0.25, 0.0], [0.0, 0.0, 0.0]]
    predictions = pa.table({"image_id": ["b", "a", "d"], "probabilities": pa.array(values, pa.list_(pa.float32()))})

    tested = multi_label_scoring.on_test(predictions, TRUTH, CLASSES)

    assert tested.ids.tolist() == ["a", "b"]
    assert tested.labels.known.tolist() == [[True, True, True], [True, False, True]]
    assert (tested.labels.present & tested.labels.known).tolist() == [[True, True, False], [False, False, True]]
    assert tested.values.tolist() == [values[1], values[0]]


def test_without_a_test_image_nothing_is_scored() -> None:
    nothing = pa.table({"image_id": pa.array([], pa.string()), "probabilities": pa.array([], pa.list_(pa.float32()))})

    tested = multi_label_scoring.on_test(nothing, TRUTH, CLASSES)

    assert len(tested.labels) == 0
    assert tested.values.shape == (0, 3)


def test_a_class_is_calibrated_by_its_own_probabilities_where_it_is_known() -> None:
    known = np.array([[True, True], [True, False], [True, False], [True, False]])
    present = np.array([[True, True], [True, True], [True, True], [False, True]])
    values = np.array([[0.75, 0.9]] + [[0.75, 0.0]] * 3)  # three of four are right at 0.75; what is unknown is not read

    assert multi_label_scoring.calibration_errors(values, Labels(known, present)) == pytest.approx([0.0, 0.1])


def test_each_class_has_its_counts_and_scores_and_none_where_they_are_not_defined() -> None:
    known = np.array([[True, True], [True, True], [True, False]])
    present = np.array([[True, False], [True, False], [False, True]])
    values = np.array([[0.9, 0.1], [0.4, 0.2], [0.6, 0.9]])

    table = multi_label_scoring.by_class(values, np.array([0.5, 0.5]), Labels(known, present), ["sea", "trees"])

    sea, trees = table.to_dict("records")
    assert [sea[name] for name in ("present", "absent", "unknown")] == [2, 1, 0]
    assert [trees[name] for name in ("present", "absent", "unknown")] == [0, 2, 1]
    assert [sea[name] for name in ("precision", "recall", "f1")] == [0.5, 0.5, 0.5]
    assert sea["average_precision"] == pytest.approx((1 + 2 / 3) / 2)  # the second of its two images is the third
    assert np.isnan([trees[name] for name in ("average_precision", "precision", "recall", "f1")]).all()


def test_hidden_images_are_scored_by_the_sets_that_were_predicted_of_them() -> None:
    predictions = pa.table({"image_id": ["a", "b", "c"], "prediction": ["sea|trees", "sunset|trees", "sea"]})

    everything = multi_label_scoring.on_hidden(predictions, TRUTH, set(), CLASSES)

    # right: sea of a, trees of b; wrong: sunset and trees of a; whether b shows a sunset is not known, of c nothing is
    assert everything == {"images": 2, "micro_f1": pytest.approx(2 * 2 / (3 + 3))}
    assert multi_label_scoring.on_hidden(predictions, TRUTH, {"a"}, CLASSES) == {"images": 1, "micro_f1": 1.0}
    assert multi_label_scoring.on_hidden(predictions, TRUTH, {"a", "b"}, CLASSES) == {}


def test_the_precision_of_pseudo_labels_is_over_the_pairs_whose_truth_is_known() -> None:
    pseudo = label_rows(
        *[("a", "sea", True), ("b", "sea", True), ("c", "sea", True)],
        *[("b", "sunset", False), ("c", "trees", False), ("b", "trees", False)],
    )

    table = multi_label_scoring.pseudo_by_class(pseudo, TRUTH, 4, CLASSES)

    assert table[["present", "absent", "undecided"]].to_numpy().tolist() == [[3, 0, 1], [0, 1, 3], [0, 2, 2]]
    assert table[["known", "right", "known_present", "right_present"]].to_numpy().tolist() == [
        *([2, 1, 2, 1], [0, 0, 0, 0], [1, 0, 0, 0])
    ]
    assert table["precision"].tolist() == pytest.approx([0.5, np.nan, 0], nan_ok=True)
    assert multi_label_scoring.pseudo_figures(table) == {
        **{"pseudo/known": 3, "pseudo/precision": pytest.approx(1 / 3), "pseudo/positive_precision": 0.5}
    }


def test_without_a_pseudo_label_nothing_is_known_of_them() -> None:
    table = multi_label_scoring.pseudo_by_class(TRUTH.slice(0, 0), TRUTH, 0, CLASSES)

    assert multi_label_scoring.pseudo_figures(table) == {"pseudo/known": 0}
