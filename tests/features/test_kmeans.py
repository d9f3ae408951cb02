"""k-means and representatives."""

import numpy as np
import pytest

from kindred.features import kmeans
from kindred.runtime.errors import InputError

LABELS = np.repeat([0, 1, 2], 20)
POINTS = (np.eye(4)[LABELS] * 10 + np.random.default_rng(0).normal(size=(60, 4))).astype(np.float32)


def test_three_blobs_are_three_clusters() -> None:
    centroids, cluster, distance = kmeans.kmeans(POINTS, 3, threads=1)

    assert [len(set(cluster[LABELS == c])) for c in range(3)] == [1, 1, 1]
    assert len(set(cluster)) == 3
    np.testing.assert_allclose(distance, np.linalg.norm(POINTS - centroids[cluster], axis=1), atol=1e-3)


def test_the_losses_fall_to_the_mean_squared_distance() -> None:
    (_, _, distance), losses = kmeans.kmeans_with_losses(POINTS, 3, threads=1)

    assert all(later <= earlier + 1e-3 for earlier, later in zip(losses, losses[1:], strict=False))
    assert losses[-1] == pytest.approx((distance**2).mean(), rel=1e-3)


@pytest.mark.slow
def test_clusters_repeat_on_any_number_of_threads() -> None:
    clusters = [kmeans.kmeans(POINTS, 5, threads)[1] for threads in (1, 1, 2)]

    np.testing.assert_array_equal(clusters[0], clusters[1])
    np.testing.assert_array_equal(clusters[0], clusters[2])


@pytest.mark.parametrize("k", [0, 61])
def test_more_clusters_than_images_are_an_error(k: int) -> None:
    with pytest.raises(InputError, match=f"{k} clusters of 60 images"):
        kmeans.kmeans(POINTS, k, 1)


def test_a_representative_is_the_image_nearest_to_its_centroid() -> None:
    centroids, _, _ = kmeans.kmeans(POINTS, 3, threads=1)

    rows = kmeans.representatives(POINTS, centroids, threads=1)

    exact = [np.linalg.norm(POINTS - centroid, axis=1).argmin() for centroid in centroids]
    np.testing.assert_array_equal(rows, exact)


def test_no_image_represents_two_clusters() -> None:
    rows = kmeans.representatives(POINTS, np.tile(POINTS[:1], (60, 1)), threads=1)

    assert sorted(rows) == list(range(60))
