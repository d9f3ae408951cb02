"""The digits of scikit-learn."""

import pytest

from dataset_samples import input_error, read


def test_digits_takes_no_path() -> None:
    assert input_error("digits", "/a") == "dataset digits comes with scikit-learn and takes no path; got '/a'"


@pytest.mark.spark
def test_digits_are_the_1797_of_scikit_learn(spark) -> None:
    rows = read(spark, "digits", "")

    assert len(rows) == 1797
    assert [row.label for row in rows[:10]] == list("0123456789")
    assert {(row.height, row.width, row.channels) for row in rows} == {(8, 8, 1)}
