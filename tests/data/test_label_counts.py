"""What label rows say together, counted by label and by image."""

import math

import pytest
from pyspark.sql import SparkSession

from kindred.data import label_counts, label_pairs

pytestmark = pytest.mark.spark

ROWS = [  # image, label, by a person, confidence, place
    ("a", "tree", True, 1.0, 1),
    ("a", "car", True, 0.0, 2),
    ("b", "tree", True, 1.0, 3),
    ("b", "car", True, 1.0, 4),
    ("c", "tree", True, 0.0, 5),
    ("c", "tree", True, 1.0, 6),  # newer: present
    ("c", "car", True, 0.0, 7),
    ("c", "car", False, 0.9, 8),  # a machine's word does not count beside a person's
    ("d", "tree", False, 0.9, 9),
    ("d", "car", False, 0.3, 10),  # not sure: unknown
    ("e", "tree", True, 0.0, 11),
    ("e", "car", True, 1.0, 12),
]


@pytest.fixture(scope="module")
def verdicts(spark: SparkSession):
    rows = spark.createDataFrame(ROWS, label_counts.ROW_COLUMNS)
    return label_counts.verdicts(rows, threshold=0.5, partitions=2).persist()


def test_present_absent_and_unknown_are_apart_and_rows_are_not_presences(verdicts) -> None:
    counts = {row["label"]: row.asDict() for row in label_counts.by_label(verdicts, images=5).collect()}

    names = ("rank", "rows", "positive_rows", "present", "absent", "unknown", "contradicting")
    assert [counts["tree"][name] for name in names] == [1, 6, 4, 4, 1, 0, 1]
    assert [counts["car"][name] for name in names] == [2, 6, 3, 2, 2, 1, 0]


def test_images_are_counted_by_their_present_labels(verdicts) -> None:
    assert [tuple(row) for row in label_counts.by_image(verdicts).collect()] == [(1, 4), (2, 1)]


def test_a_pair_is_counted_where_both_labels_are_known(verdicts) -> None:
    (pair,) = label_pairs.pairs(verdicts, ["tree", "car"]).collect()

    assert (pair["label"], pair["other"]) == ("tree", "car")
    assert (pair["known"], pair["both"], pair["label_present"], pair["other_present"]) == (4, 1, 3, 2)
    assert pair["phi"] == pytest.approx((4 * 1 - 3 * 2) / math.sqrt(3 * 1 * 2 * 2))


def test_phi_is_not_known_where_nothing_is_absent_and_a_pair_without_a_common_image_is_no_row(spark) -> None:
    rows = [("a", "tree", False, 0.9, 1), ("a", "car", False, 0.9, 2), ("b", "sea", False, 0.9, 3)]
    verdicts = label_counts.verdicts(spark.createDataFrame(rows, label_counts.ROW_COLUMNS), 0.5, 1)

    (pair,) = label_pairs.pairs(verdicts, ["car", "sea", "tree"]).collect()

    assert (pair["label"], pair["other"], pair["known"], pair["both"], pair["phi"]) == ("car", "tree", 1, 1, None)


def test_48_labels_that_all_images_have_are_counted_in_each_pair(spark) -> None:
    labels = [f"label{number:02d}" for number in range(label_pairs.LABELS)]
    rows = [(image, label, True, 1.0, 1) for image in "ab" for label in labels]
    verdicts = label_counts.verdicts(spark.createDataFrame(rows, label_counts.ROW_COLUMNS), 0.5, 1)

    pairs = label_pairs.pairs(verdicts, labels).collect()

    assert len(pairs) == 48 * 47 / 2
    assert {pair["both"] for pair in pairs} == {2}
