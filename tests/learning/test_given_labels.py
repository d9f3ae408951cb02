"""How many labels each class is given, and which ones."""

import hashlib
from collections import Counter

import pyarrow as pa
import pytest

from kindred.learning import given_labels
from kindred.runtime.errors import InputError

COUNTS = {"cat": 50, "dog": 30, "eel": 20}


def test_all_known_labels_are_given_where_no_budget_is_set(messages: list[str]) -> None:
    assert given_labels.allocate(COUNTS, None, None, messages.append) == COUNTS
    assert not messages


def test_a_budget_per_class_is_the_same_for_each(messages: list[str]) -> None:
    assert given_labels.allocate(COUNTS, 20, None, messages.append) == {"cat": 20, "dog": 20, "eel": 20}
    assert not messages


def test_a_class_that_has_fewer_gives_all_and_says_so(messages: list[str]) -> None:
    assert given_labels.allocate(COUNTS, 25, None, messages.append) == {"cat": 25, "dog": 25, "eel": 20}
    assert messages == ["class 'eel' has only 20 labelled training images; all are used"]


def test_a_total_budget_is_shared_by_size(messages: list[str]) -> None:
    assert given_labels.allocate(COUNTS, None, 10, messages.append) == {"cat": 5, "dog": 3, "eel": 2}


@pytest.mark.parametrize("total", range(3, 101))
def test_the_shares_add_up_to_the_budget(total: int, messages: list[str]) -> None:
    quotas = given_labels.allocate(COUNTS, None, total, messages.append)

    assert sum(quotas.values()) == total
    assert all(1 <= quotas[name] <= COUNTS[name] for name in COUNTS)


def test_a_rare_class_gets_one_label_at_the_cost_of_the_largest(messages: list[str]) -> None:
    assert given_labels.allocate({"common": 995, "rare": 2, "rarer": 3}, None, 10, messages.append) == {
        "common": 8,
        "rare": 1,
        "rarer": 1,
    }


def test_a_budget_beyond_what_is_known_gives_all_and_says_so(messages: list[str]) -> None:
    assert given_labels.allocate(COUNTS, None, 101, messages.append) == COUNTS
    assert messages == ["only 100 labels are known; all are used"]


def test_a_budget_below_one_for_each_class_is_refused(messages: list[str]) -> None:
    with pytest.raises(InputError, match="labels is 2, fewer than the 3 classes"):
        given_labels.allocate(COUNTS, None, 2, messages.append)


def test_every_class_needs_a_label() -> None:
    with pytest.raises(InputError, match="class 'fox' has no labelled training image"):
        given_labels.check_classes(COUNTS, ["cat", "fox"])


def test_one_class_is_too_few() -> None:
    with pytest.raises(InputError, match="all labels are of one class, 'cat'"):
        given_labels.check_classes({"cat": 3}, ["cat"])


def known(order: int = 1) -> pa.Table:
    rows = [(f"{label}{i:02d}", label) for label, count in COUNTS.items() for i in range(count)]
    ids, labels = zip(*rows[::order], strict=True)
    return pa.table({"image_id": ids, "label": labels})


def test_the_order_is_that_of_the_hash_of_the_id_and_the_seed() -> None:
    rows = [(f"{i:02d}", "cat") for i in range(20)]
    expected = sorted((hashlib.sha256(f"{image_id}:7".encode()).hexdigest(), image_id) for image_id, _ in rows)

    ordered = given_labels.hash_order(pa.table({"image_id": [r[0] for r in rows], "label": [r[1] for r in rows]}), 7)

    assert ordered["image_id"].tolist() == [image_id for _, image_id in expected]


def test_the_choice_holds_the_quota_and_repeats_whatever_the_order_of_the_rows() -> None:
    quota = {"cat": 5, "dog": 3, "eel": 20}

    one, other = (given_labels.choose_stratified(known(order), quota, seed=1) for order in (1, -1))

    assert Counter(one["label"].to_pylist()) == quota
    assert one["image_id"].to_pylist() == other["image_id"].to_pylist()
    assert {(row["confidence"], row["source"]) for row in one.to_pylist()} == {(1.0, "given")}


def test_another_seed_chooses_other_labels() -> None:
    quotas = {"cat": 5, "dog": 3, "eel": 2}

    one, other = (given_labels.choose_stratified(known(), quotas, seed) for seed in (1, 2))

    assert one["image_id"].to_pylist() != other["image_id"].to_pylist()


def test_a_smaller_budget_is_a_part_of_a_larger_one() -> None:
    quotas = [dict.fromkeys(COUNTS, count) for count in (2, 9)]

    small, large = (given_labels.choose_stratified(known(), quota, 0) for quota in quotas)

    assert set(small["image_id"].to_pylist()) < set(large["image_id"].to_pylist())


def test_unstratified_the_first_are_taken_whatever_their_classes() -> None:
    one, other = (given_labels.choose_unstratified(known(order), 10, seed=1) for order in (1, -1))

    assert len(one) == 10
    assert one["image_id"].to_pylist() == other["image_id"].to_pylist()
