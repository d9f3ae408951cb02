"""The map: what a projection keeps of features that one knows."""

import numpy as np
import pytest

from kindred.report import embedding_map_section


def test_the_map_keeps_the_variance_that_there_is() -> None:
    features = np.outer(np.arange(10.0), [3, 4])

    points, variance = embedding_map_section.project(features, "pca")

    assert variance == pytest.approx(1)
    assert np.ptp(points[:, 0]) == pytest.approx(1)
    assert np.ptp(points[:, 1]) < 1


def test_another_projection_puts_two_clusters_apart() -> None:
    features = np.concatenate([np.random.default_rng(0).normal(at, 0.1, (12, 4)) for at in (0, 10)])

    points, variance = embedding_map_section.project(features, "tsne")

    assert variance is None
    first, second = points[:12].mean(axis=0), points[12:].mean(axis=0)
    assert np.linalg.norm(first - second) > 0.3
