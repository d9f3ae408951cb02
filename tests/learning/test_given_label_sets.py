"""Which images a run is given the labels of, where an image may have several."""

import pyarrow as pa
import pytest

from kindred.learning import given_label_sets
from kindred.runtime.errors import InputError


def table(*sets: str) -> pa.Table:
    """Images "0", "1" ...: upper case letters are present, lower case ones absent."""
    pairs = [(str(number), letter) for number, letters in enumerate(sets) for letter in letters]
    ids, letters = ([pair[side] for pair in pairs] for side in (0, 1))
    columns = {"label": [one.lower() for one in letters], "present": [one.isupper() for one in letters]}
    return pa.table({"image_id": ids, **columns})


def test_a_budget_counts_images_and_gives_all_that_is_known_of_them(messages: list[str]) -> None:
    known = table("Ab", "aB", "AB", "ab")

    rows = given_label_sets.choose(known, None, 2, 0, messages.append)
    again = given_label_sets.choose(known, None, 2, 0, messages.append)
    more = given_label_sets.choose(known, None, 9, 0, messages.append)

    assert rows.equals(again)
    assert (len(rows), len(set(rows["image_id"].to_pylist())), len(more)) == (4, 2, 8)
    assert set(rows["source"].to_pylist()) == {"given"}
    assert messages == ["only 4 images have a known label; all are used"]


def test_a_budget_per_class_counts_the_images_that_have_it(messages: list[str]) -> None:
    known = table("Ab", "Ab", "Ab", "aB", "ab", "ab")

    rows = given_label_sets.choose(known, 2, None, 0, messages.append)

    assert given_label_sets.present_counts(rows) == {"a": 2, "b": 1}
    assert len(set(rows["image_id"].to_pylist())) == 3
    assert messages == ["class 'b' is present on only 1 labelled training images; all are used"]


def test_given_images_without_any_class_and_a_single_one_are_refused() -> None:
    with pytest.raises(InputError, match="none of the 2 given images has any of the classes"):
        given_label_sets.check(given_label_sets.present_counts(table("ab", "ab")), 2)
    with pytest.raises(InputError, match="at least 2"):
        given_label_sets.check({"a": 1}, 1)


def test_classes_that_no_given_image_lacks_are_named_and_refused_where_all_are_so() -> None:
    assert given_label_sets.never_absent(table("Ab", "AB", "B")) == ["a"]
    with pytest.raises(InputError, match="no given image is known to lack a class"):
        given_label_sets.never_absent(table("AB", "A", "B"))
