"""How many folds there are, and which given label belongs to which."""

from collections import Counter

import pytest

from kindred.learning import folds
from kindred.runtime.errors import InputError

COUNTS = {"cat": 50, "dog": 30, "eel": 20}


@pytest.mark.parametrize(("smallest", "wanted", "count"), [(10, 5, 5), (5, 5, 5), (3, 5, 3), (2, 2, 2)])
def test_there_are_no_more_folds_than_labels_in_the_smallest_class(
    smallest: int, wanted: int, count: int, messages: list[str]
) -> None:
    assert folds.fold_count(smallest, wanted, messages.append) == count
    assert bool(messages) == (count < wanted)


@pytest.mark.parametrize(
    ("smallest", "wanted", "line"),
    [(1, 5, "the smallest class has 1 given label; cross-"), (9, 1, "folds is 1; cross-validation needs at least 2")],
)
def test_cross_validation_needs_two_folds(smallest: int, wanted: int, line: str, messages: list[str]) -> None:
    with pytest.raises(InputError, match=line):
        folds.fold_count(smallest, wanted, messages.append)


def test_the_only_label_of_a_class_is_never_held_out(messages: list[str]) -> None:
    names = ["cat", "cat", "dog", "eel", "cat", "dog"]

    count = folds.held_out_folds(names, 5, messages.append)
    assigned = folds.assign_folds([str(i) for i in range(6)], names, count)

    assert count == 2
    assert [fold == folds.ALL for fold in assigned] == [name == "eel" for name in names]
    assert messages[0].startswith("1 class has one given label, which is never held out")


def test_one_label_of_each_class_leaves_nothing_to_hold_out(messages: list[str]) -> None:
    assert folds.held_out_folds(["cat", "dog"], 5, messages.append) == 0
    assert messages == ["too few classes have two given labels to hold one out: there is no cross-validation"]


def test_folds_are_stratified_and_repeat_whatever_the_order_of_the_rows() -> None:
    rows = [(f"{name}{i}", name) for name, count in COUNTS.items() for i in range(count)]

    one, other = (
        dict(zip(order, folds.assign_folds([i for i, _ in order], [name for _, name in order], 5), strict=True))
        for order in (rows, rows[::-1])
    )

    assert one == other
    by_class = Counter((name, fold) for (_, name), fold in one.items())
    assert by_class == {(name, fold): count // 5 for name, count in COUNTS.items() for fold in range(5)}


def test_every_beginning_of_the_balanced_order_holds_the_classes_alike() -> None:
    ids, names = [str(i) for i in range(12)], ["cat"] * 8 + ["dog"] * 4

    order = folds.balanced_order(ids, names)

    assert sorted(order) == list(range(12))
    assert sorted(names[i] for i in order[:4]) == ["cat", "cat", "dog", "dog"]
    assert [names[i] for i in order[8:]] == ["cat"] * 4


def test_the_files_of_networks_keep_the_names_that_saved_runs_have() -> None:
    assert [folds.network_file(fold) for fold in (folds.ALL, 0, 11)] == [
        *("network-all.npz", "network-0.npz", "network-11.npz")
    ]
