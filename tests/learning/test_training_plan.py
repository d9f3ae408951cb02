"""Who learns from what."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from kindred.learning import training_plan
from kindred.learning.folds import ALL
from kindred.learning.training_plan import Examples
from kindred.runtime.errors import InputError
from plans import FOLDS, HELD_OUT, IDS, LEARNED, mixed_plan

CLASSES = ["cat", "dog"]
GIVEN = pa.table({"image_id": ["1", "2", "3", "4"], "label": ["dog", "cat", "dog", "cat"]})


@pytest.fixture
def examples() -> Examples:
    """The mixed plan's examples; an image's feature is its name."""
    return training_plan.make_examples(mixed_plan(), IDS, np.array([[ord(i)] for i in IDS], np.float32))


def names(examples: Examples, rows: np.ndarray) -> str:
    """The images of a plan's rows."""
    return "".join(chr(int(feature)) for (feature,) in examples.features_of(rows))


def test_a_fold_learns_neither_from_itself_nor_from_other_folds_pseudo_labels(examples: Examples) -> None:
    learned = {fold: "".join(sorted(names(examples, examples.training_rows(fold)))) for fold in LEARNED}

    assert learned == LEARNED


def test_only_given_labels_are_held_out_each_once(examples: Examples) -> None:
    held_out = {fold: "".join(sorted(names(examples, examples.held_out_rows(fold)))) for fold in range(FOLDS)}

    assert held_out == HELD_OUT
    assert not len(examples.held_out_rows(ALL))


def test_rows_come_sorted_by_id_given_labels_first(examples: Examples) -> None:
    assert names(examples, examples.training_rows(ALL)) == "abcdefxz"
    assert names(examples, examples.training_rows(0)) == "abdey"


def test_a_row_keeps_its_own_label(examples: Examples) -> None:
    rows = examples.training_rows(ALL)

    labels = dict(zip(names(examples, rows), examples.labels[rows], strict=True))

    assert labels == {"f": 0, "e": 1, "d": 0, "c": 1, "b": 0, "a": 1, "x": 0, "z": 1}


def test_an_image_without_features_is_an_error_that_names_it() -> None:
    with pytest.raises(InputError, match="1 images to learn from have no features, among them z"):
        training_plan.make_examples(mixed_plan(), IDS[1:], np.zeros((len(IDS) - 1, 1), np.float32))


def test_the_plan_of_the_base_model_is_the_given_labels_in_folds() -> None:
    plan = training_plan.make_plan(GIVEN, CLASSES, 2, [])

    assert plan["image_id"].to_list() == ["1", "2", "3", "4"]
    assert plan["label"].to_list() == [1, 0, 1, 0]
    assert plan["given"].all()
    assert (plan["weight"] == 1).all()
    assert {tuple(group["fold"].sort_values()) for _, group in plan.groupby("label")} == {(0, 1)}


def test_the_plan_of_the_candidate_adds_both_tables_of_pseudo_labels() -> None:
    pseudo = pa.table({"image_id": ["5"], "label": ["cat"], "weight": [0.5], "round": [1]})
    by_fold = pa.table({"image_id": ["5"], "label": ["dog"], "weight": [0.7], "fold": [0]})

    added: pd.DataFrame = training_plan.make_plan(GIVEN, CLASSES, 2, [pseudo, by_fold])[4:]

    assert added.to_numpy().tolist() == [["5", 0, 0.5, False, ALL], ["5", 1, 0.7, False, 0]]
