"""Near duplicates across splits: the threshold, the groups, the pairs."""

import numpy as np
import pandas as pd
import pytest

from kindred.data import near_duplicates
from kindred.data.grey_images import GreyImages
from kindred.data.image_edits import EDITS
from pictures import grey_array, scene


def test_the_threshold_finds_the_twins_where_the_others_are_far_away() -> None:
    twins, others = np.linspace(0, 0.01, 1001), np.full(1000, 0.5)

    assert near_duplicates.threshold(twins, others) == pytest.approx(2 * 0.00975)


def test_the_threshold_stays_below_the_bulk_of_the_others_though_some_are_real_twins() -> None:
    rng = np.random.default_rng(0)
    others = np.exp(rng.normal(-3, 0.5, 100_000))
    others[:300] = 1e-5  # real near duplicates

    limit = near_duplicates.threshold(np.full(100, 0.4), others)

    assert (others[300:] <= limit).mean() == pytest.approx(0.001, abs=0.0007)


def test_pairs_that_share_an_image_are_one_group() -> None:
    pairs = pd.DataFrame({"image_id": ["a", "b", "x"], "other": ["p", "p", "y"]})

    assert near_duplicates.groups(pairs) == 2
    assert near_duplicates.groups(pairs.head(0)) == 0


def test_a_copy_in_another_split_is_found_and_nothing_else() -> None:
    pictures = {"train": [scene(seed) for seed in range(100)], "test": [scene(seed) for seed in range(200, 230)]}
    pictures["test"][0] = EDITS["shifted"](pictures["train"][7], 0.8)
    rows = [(f"{split}-{i:03d}", split, "", p) for split, own in pictures.items() for i, p in enumerate(own)]
    rows += [
        (f"test-{i:03d}", "test", name, EDITS[name](pictures["test"][i], 0.3)) for name in EDITS for i in range(30)
    ]
    ids, split, edit, pixels = zip(*rows, strict=True)
    greys = GreyImages(*(np.array(c, dtype=object) for c in (ids, split, edit)), grey_array(list(pixels)))

    twins = near_duplicates.find(greys, threads=1)

    assert twins.pairs[["image_id", "other"]].to_numpy().tolist() == [["test-000", "train-007"]]
    assert (twins.groups, twins.queries) == (1, 30)
    assert twins.flagged == pytest.approx(1 / 30)
    assert twins.recall["all"] >= 0.95


def test_a_copy_saved_again_under_another_class_is_a_conflict_within_a_split_too() -> None:
    pictures = [scene(seed) for seed in range(60)]
    pictures[41], pictures[50] = EDITS["brightened"](pictures[7], 0.5), EDITS["mirrored"](pictures[10], 0.5)
    ids = np.array([f"{i:03d}" for i in range(60)], dtype=object)
    labels = {
        name: ("cat", "dog", "eel")[i % 3] for i, name in enumerate(ids)
    }  # 7 a dog, 41 an eel; 10 a dog, 50 an eel
    split = np.array(["train"] * 48 + ["test"] * 12, dtype=object)
    plain = GreyImages(ids, split, np.full(60, "", dtype=object), grey_array(pictures))
    edited = [i for i in range(48, 60) for _ in EDITS]
    edits = [edit(pictures[i], 0.3) for i in range(48, 60) for edit in EDITS.values()]
    names = np.array([name for _ in range(12) for name in EDITS], dtype=object)
    greys = GreyImages(
        np.concatenate([plain.ids, ids[edited]]),
        np.concatenate([split, split[edited]]),
        np.concatenate([plain.edit, names]),
        np.concatenate([plain.pixels, grey_array(edits)]),
    )

    found = near_duplicates.find(greys, 1, labels)

    pairs = {frozenset(pair) for pair in found.conflicts[["image_id", "other"]].to_numpy().tolist()}
    assert pairs == {frozenset({"007", "041"}), frozenset({"010", "050"})}
    assert found.figures()["near_duplicates/conflicts"] == 2
    assert set(found.conflicts[["label", "other_label"]].to_numpy().ravel()) == {"dog", "eel"}
