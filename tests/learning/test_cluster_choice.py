"""The choice among clusterings without labels."""

import numpy as np
import pytest

import blobs
from kindred.learning import cluster_choice
from kindred.learning.pseudo_label_types import Pool
from kindred.runtime.errors import InputError

WRONG = np.random.default_rng(0).permutation(blobs.LABELS)
JOINED = np.where(np.arange(120) % 40 < 20, blobs.LABELS, 2)  # half of each blob in the last cluster


def test_what_agrees_with_neighbours_and_other_methods_is_chosen(pool: Pool) -> None:
    best, values = cluster_choice.choose(pool, {"a-0": WRONG, "b-0": JOINED, "c-0": blobs.LABELS})

    assert best == "c-0"
    assert values["a-0"] < values["b-0"] < values["c-0"] <= 1


def test_seeds_of_one_method_do_not_confirm_each_other(pool: Pool) -> None:
    clusters = {f"a-{seed}": JOINED for seed in range(5)} | {"b-0": blobs.LABELS, "c-0": (blobs.LABELS + 1) % 3}

    best, values = cluster_choice.choose(pool, clusters)

    assert best in ("b-0", "c-0")
    assert values["a-0"] == values["a-4"]


def test_one_method_alone_is_judged_by_the_neighbours(pool: Pool) -> None:
    assert cluster_choice.choose(pool, {"a-0": WRONG, "a-1": blobs.LABELS})[0] == "a-1"


def test_a_collapsed_clustering_is_valued_but_not_chosen(pool: Pool) -> None:
    best, values = cluster_choice.choose(pool, {"a": JOINED, "b": blobs.LABELS}, collapsed=["b"])

    assert best == "a"
    assert set(values) == {"a", "b"}


def test_where_all_have_collapsed_nothing_is_chosen(pool: Pool) -> None:
    with pytest.raises(InputError, match="no clustering to choose from: a; give a smaller k"):
        cluster_choice.choose(pool, {"a": JOINED}, collapsed=["a"])
