"""How many clusters there may be."""

import numpy as np
import pytest

from kindred.learning import cluster_advice
from kindred.learning.cluster_advice import Advice
from kindred.learning.pseudo_label_types import Pool
from kindred.runtime.errors import InputError


def pool_of(points: np.ndarray) -> Pool:
    return Pool(np.arange(len(points)), points.astype(np.float32), threads=1)


def corners(count: int, images: int = 30) -> np.ndarray:
    """So many separate blobs of points [count * images, 8]."""
    labels = np.repeat(np.arange(count), images)
    return np.eye(8)[labels] * 4 + np.random.default_rng(0).normal(size=(len(labels), 8)) * 0.4


@pytest.fixture(scope="module")
def said() -> dict[str, Advice]:
    """What is said of five blobs."""
    return {one.advisor: one for one in cluster_advice.advice(pool_of(corners(5)), 0, lambda line: None)}


@pytest.mark.parametrize("advisor", ["communities", "eigengap", "silhouette", "stability"])
def test_five_blobs_are_five_clusters(advisor: str, said: dict[str, Advice]) -> None:
    assert said[advisor].k == 5


def test_a_curve_has_a_value_for_each_k_that_is_looked_at(said: dict[str, Advice]) -> None:
    assert list(said) == ["communities", "eigengap", "silhouette", "stability", "gap"]
    for advisor in ("eigengap", "silhouette", "stability", "gap"):
        assert [k for k, _ in said[advisor].curve] == list(range(2, cluster_advice.MAX_K + 1))
    assert sum(times for _, times in said["communities"].curve) == len(cluster_advice.RESOLUTIONS)


def test_the_gap_is_that_of_the_blobs_at_least(said: dict[str, Advice]) -> None:
    curve = dict(said["gap"].curve)

    assert said["gap"].k >= 5
    assert curve[5] - curve[4] > curve[6] - curve[5]


def test_the_k_to_begin_with_is_the_most_stable_of_the_range(said: dict[str, Advice]) -> None:
    assert cluster_advice.chosen([*said.values()]) == cluster_advice.Range(5, 5, 5)


def test_the_same_seed_gives_the_same_advice() -> None:
    one, other = (cluster_advice.advice(pool_of(corners(2, 5)), 4, lambda line: None) for _ in range(2))

    assert one == other


@pytest.mark.parametrize("images", [3, 4, 5, 12])
def test_of_few_images_each_k_is_below_their_number(images: int, messages: list[str]) -> None:
    points = np.random.default_rng(images).normal(size=(images, 8))

    said = cluster_advice.advice(pool_of(points), 0, messages.append)

    chosen = cluster_advice.chosen(said)
    assert all(2 <= one.k < images for one in said)
    assert 2 <= chosen.low <= chosen.k <= chosen.high < images
    assert messages[0].startswith(f"clusters, by communities {said[0].k}, eigengap {said[1].k}, silhouette ")


@pytest.mark.parametrize(
    ("points", "line"),
    [
        (np.eye(2), "too few images to divide into clusters: 2; 3 at least are needed"),
        (np.ones((40, 8)), "all 40 images have the same features: there is nothing to divide into clusters"),
    ],
    ids=["two", "alike"],
)
def test_what_cannot_be_divided_is_refused(points: np.ndarray, line: str) -> None:
    with pytest.raises(InputError, match=line):
        cluster_advice.advice(pool_of(points), 0, print)
