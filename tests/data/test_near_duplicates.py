"""Edited copies are found, other pictures are not."""

import numpy as np
import pandas as pd
import pytest

from kindred.data import images, near_duplicates
from kindred.data.cross_correlation import match
from kindred.data.grey_images import SIDE, GreyImages, grey_images
from kindred.data.image_edits import EDITS
from pictures import encoded


def scene(seed: int, side: int = 64) -> np.ndarray:
    """A picture of its own: coarse random patches, smoothly enlarged. uint8 [side, side, 1]."""
    patches = np.random.default_rng(seed).integers(0, 200, (8, 8, 1), np.uint8)
    return images.fit(patches, (side, side), 1)


def greys_of(pictures: list[np.ndarray]) -> np.ndarray:
    return np.stack([images.fit(picture, (SIDE, SIDE), 1)[:, :, 0] for picture in pictures])


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_picture_is_nearest_to_the_one_it_was_made_of(name: str) -> None:
    pictures = [scene(seed) for seed in range(20)]
    edited = [EDITS[name](picture, 0.5) for picture in pictures]

    rows, distance = match(greys_of(edited), greys_of(pictures), threads=1)

    assert rows.tolist() == list(range(20))
    assert distance.max() < 0.02


def test_another_picture_is_far() -> None:
    _, distance = match(
        greys_of([scene(seed) for seed in range(20)]), greys_of([scene(seed) for seed in range(50, 70)]), threads=1
    )

    assert distance.min() > 0.1


def test_a_picture_of_one_colour_is_like_nothing() -> None:
    flat = np.full((64, 64, 1), 7, np.uint8)

    _, distance = match(greys_of([flat, flat]), greys_of([scene(0), flat]), threads=1)

    assert distance.tolist() == pytest.approx([1, 1], abs=1e-3)


def test_the_threshold_finds_the_twins_where_the_others_are_far_away() -> None:
    twins, others = np.linspace(0, 0.01, 1001), np.full(1000, 0.5)

    assert near_duplicates.threshold(twins, others) == pytest.approx(2 * 0.00975)


def test_the_threshold_stays_below_the_bulk_of_the_others_though_some_are_real_twins() -> None:
    rng = np.random.default_rng(0)
    others = np.exp(rng.normal(-3, 0.5, 100_000))
    others[:300] = 1e-5  # real near duplicates

    found = near_duplicates.threshold(np.full(100, 0.4), others)

    assert (others[300:] <= found).mean() == pytest.approx(0.001, abs=0.0007)


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
    greys = GreyImages(*(np.array(c, dtype=object) for c in (ids, split, edit)), greys_of(list(pixels)))

    found = near_duplicates.find(greys, threads=1)

    assert found.pairs[["image_id", "other"]].to_numpy().tolist() == [["test-000", "train-007"]]
    assert (found.groups, found.queries) == (1, 30)
    assert found.flagged == pytest.approx(1 / 30)
    assert found.recall["all"] >= 0.95


@pytest.mark.spark
def test_images_are_cut_to_grey_ones_and_some_are_edited_in_the_workers(spark) -> None:
    content = encoded(np.repeat(scene(3), 3, axis=2))
    rows = [("00" * 16, "test", content), ("ff" * 16, "test", content), ("11" * 16, "train", content)]
    frame = spark.createDataFrame(rows, "image_id string, split string, content binary")

    found = grey_images(frame, {"train": 1, "test": 2, "unlabeled": 0})

    assert found.ids.tolist() == ["00" * 16] * 5 + ["ff" * 16] * 5 + ["11" * 16]
    assert set(found.edit) == {"", *EDITS}
    assert found.pixels.shape == (11, SIDE, SIDE)
    assert (found.pixels[found.edit == ""] == greys_of([scene(3)])[0]).all()
