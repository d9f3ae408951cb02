"""Which images are worth a label."""

import numpy as np
import pyarrow as pa
import pytest

import blobs
from kindred.learning import representatives
from kindred.learning.pseudo_label_types import Pool
from kindred.runtime.errors import InputError

NAMES = np.array(["cat", "dog", "eel"])[blobs.LABELS]


def known(pool: Pool, rows: np.ndarray) -> pa.Table:
    return pa.table({"image_id": pool.ids[rows], "label": NAMES[rows]})


def test_one_known_image_of_each_cluster_is_chosen(pool: Pool, messages: list[str]) -> None:
    every_other = np.arange(0, 120, 2)

    chosen = representatives.choose(known(pool, every_other), 3, pool, 3, 0, messages.append)

    assert sorted(chosen["label"].to_pylist()) == ["cat", "dog", "eel"]
    assert set(chosen["image_id"].to_pylist()) <= set(pool.ids[every_other])
    assert chosen.column_names == ["image_id", "label", "confidence", "source"]
    assert messages[0].startswith("clusters by ")
    assert all(name in messages[0] for name in ("communities", "kmeans", "temi_even"))


def test_more_labels_than_are_known_are_refused(pool: Pool) -> None:
    with pytest.raises(InputError, match="labels is 4; only 3 images have a known label"):
        representatives.choose(known(pool, np.arange(3)), 4, pool, 3, 0, print)


def test_more_labels_than_classes_are_spread_over_all_of_them(pool: Pool) -> None:
    chosen = representatives.choose(known(pool, np.arange(120)), 12, pool, 3, 0, lambda line: None)

    assert len(set(chosen["image_id"].to_pylist())) == 12
    assert min(chosen["label"].to_pylist().count(name) for name in ("cat", "dog", "eel")) >= 2


def test_clusters_that_keep_neighbours_together_share_more_information(pool: Pool) -> None:
    images, of_neighbours = representatives.judges(pool, 3)
    mixed = np.random.default_rng(0).permutation(blobs.LABELS)

    right, wrong = (representatives.shared_information(c[images], c[of_neighbours]) for c in (blobs.LABELS, mixed))

    assert right == pytest.approx(1, abs=0.01)
    assert wrong < 0.1


def test_a_large_cluster_is_no_advantage() -> None:
    """The share of neighbours in the same cluster is 0.9 in both."""
    half, most = np.repeat([0, 1], 50), np.repeat([0, 1], [95, 5])
    others = np.tile(np.repeat([0, 1], [9, 1]), 10)[:, None]

    even, uneven = (representatives.shared_information(c, (c[:, None] + others) % 2) for c in (half, most))

    assert uneven < even


def test_a_cluster_without_a_known_image_takes_the_nearest_that_is_left() -> None:
    vectors = np.array([[1.0, 0], [0.9, 0.1], [0, 1]], np.float32)

    rows = representatives.nearest_to_centres(vectors, np.array([0, 0, 1]), candidates=np.array([0, 1]))

    assert sorted(rows.tolist()) == [0, 1]
