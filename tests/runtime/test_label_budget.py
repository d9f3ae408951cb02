"""How many labels the params of a run ask for, and where they ask for no number."""

import pytest

from kindred.runtime import label_budget, variants
from kindred.runtime.errors import InputError
from kindred.runtime.label_budget import Budget


@pytest.mark.parametrize(
    ("dataset", "choice", "per_class", "total", "expected"),
    [
        ("digits", "random", None, None, Budget(10, None, "digits")),
        ("fashion_mnist", "random", None, None, Budget(50, None, "fashion_mnist")),
        ("stl10", "random", None, None, Budget()),
        ("image_folder", "random", None, None, Budget()),
        ("parquet", "random", None, None, Budget()),
        ("digits", "random", 3, None, Budget(3)),
        ("digits", "random", None, 60, Budget(None, 60)),
        ("digits", "representatives", None, 60, Budget(None, 60)),
        ("digits", "all", None, None, Budget()),
        (None, "random", None, None, Budget()),
    ],
)
def test_a_number_counts_before_the_default_of_the_dataset(dataset, choice, per_class, total, expected) -> None:
    assert label_budget.budget(dataset, choice, per_class, total) == expected


@pytest.mark.parametrize(
    ("choice", "per_class", "total", "message"),
    [
        ("random", 2, 9, r"give labels_per_class \(2\) or labels \(9\), not both"),
        ("all", 2, None, r"label_choice all takes no number of labels; remove labels_per_class \(2\)"),
        ("all", None, 9, r"label_choice all takes no number of labels; remove labels \(9\)"),
        ("representatives", None, None, "representatives needs labels, the number in total"),
        ("representatives", 2, 9, "takes labels, the number in total, not labels_per_class"),
        ("representatives", 2, None, "takes labels, the number in total, not labels_per_class"),
        ("first", None, 9, "unknown label_choice 'first'; known: random, representatives, all"),
    ],
)
def test_what_does_not_fit_together_is_refused(choice, per_class, total, message) -> None:
    with pytest.raises(InputError, match=message):
        label_budget.budget("digits", choice, per_class, total)


def test_a_run_of_before_had_no_choice_of_labels() -> None:
    assert str(label_budget.of_params({"labels": None, "labels_per_class": 3})) == "3 per class"


@pytest.mark.parametrize("name", variants.names("dataset"))
def test_the_default_of_a_dataset_is_a_number_that_the_form_takes(name: str) -> None:
    default = label_budget.default(name)

    assert default is None or (isinstance(default, int) and default >= 2)
