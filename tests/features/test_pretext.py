"""The network that learns by a pretext task: what does not need Keras."""

import numpy as np
import pytest

from extracting import noises, run
from kindred.features import pretext
from kindred.features.conv_blocks import Convolution


def test_inputs_lose_their_mean_and_their_contrast() -> None:
    images = noises(8, 6, 3, count=2)

    inputs = pretext.standardised(np.stack([images, images // 2 + 40], axis=1))

    assert inputs.shape == (2, 2, 8, 6, 3)
    np.testing.assert_allclose(inputs.mean(axis=(2, 3, 4)), 0, atol=1e-5)
    np.testing.assert_allclose(inputs.std(axis=(2, 3, 4)), 1, atol=0.05)
    np.testing.assert_array_equal(pretext.standardised(np.full((1, 8, 8, 1), 200)), 0)


def test_windows_are_parts_of_their_images() -> None:
    images = noises(9, 7, 1, count=2)

    parts = pretext.windows(images, np.array([[0, 3], [5, 1]]), np.array([[2, 0], [1, 4]]), 4, 3)

    assert parts.shape == (2, 2, 4, 3, 1)
    np.testing.assert_array_equal(parts[0, 1], images[0, 3:7, 0:3])
    np.testing.assert_array_equal(parts[1, 0], images[1, 5:9, 1:4])


@pytest.mark.parametrize("places", [1, 2, 3, 7])
def test_a_cell_of_the_grid_is_a_mean_and_all_places_count_alike(places: int) -> None:
    weights = pretext.grid(places)

    np.testing.assert_allclose(weights.sum(axis=0), 1)
    np.testing.assert_allclose(weights.sum(axis=1), weights.shape[1] / places)


@pytest.mark.parametrize("side", [4, 8])
def test_a_graph_of_one_block_is_a_convolution_pooled_and_averaged(side: int) -> None:
    images = noises(side, side, 1, count=2)
    kernel = np.zeros((3, 3, 1, 1), np.float32)
    kernel[1, 1] = 2  # of the place itself
    graph = pretext.features_graph(images.shape[1:], [Convolution(kernel, np.ones(1, np.float32))])

    features = run(graph, images)

    values = np.maximum(2 * pretext.standardised(pretext.enlarged(images))[..., 0] + 1, 0)
    largest = values.reshape(2, 4, 2, 4, 2).max(axis=(2, 4))
    cells = np.einsum("nyx,ya,xb->nab", largest, pretext.grid(4), pretext.grid(4))
    np.testing.assert_allclose(features, cells.reshape(2, -1), atol=1e-4)
