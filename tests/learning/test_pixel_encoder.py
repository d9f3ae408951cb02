"""The graph that makes vectors of pixels."""

import numpy as np
import pytest

from kindred.features.conv_blocks import Convolution
from kindred.learning import embeddings, networks, pixel_encoder
from kindred.learning.networks import Layer, Network
from kindred.learning.pixel_encoder import PixelEncoder


def encoder() -> PixelEncoder:
    """Of images of 2 x 4 px: the largest of each half less 0.5, doubled, and both as they are."""
    kernel = np.zeros((3, 3, 1, 1), np.float32)
    kernel[1, 1] = 2  # of the place itself
    graph = pixel_encoder.graph(
        (2, 4, 1), [Convolution(kernel, np.zeros(1, np.float32))], np.eye(2, dtype=np.float32), np.ones(2, np.float32)
    )
    return PixelEncoder(graph)


def test_it_is_a_convolution_a_maximum_and_a_dense_layer_of_pixels_row_by_row() -> None:
    pixels = np.array([[0.5, 0.75, 0, 0, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0.25, 0, 0]], np.float32)

    outputs = encoder().outputs(pixels)

    np.testing.assert_allclose(outputs, [[1.5, 1], [1, 2]])
    assert outputs.dtype == np.float64


def test_many_images_are_computed_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.random.default_rng(0).random((7, 8), np.float32)
    whole = encoder().outputs(pixels)
    monkeypatch.setattr(pixel_encoder, "BATCH_PIXELS", 3 * 8)

    np.testing.assert_array_equal(encoder().outputs(pixels), whole)
    assert encoder().outputs(pixels[:0]).shape == (0, 2)


def test_a_file_says_which_kind_of_network_it_holds() -> None:
    dense = Network((Layer(np.eye(2), np.zeros(2)),))

    assert isinstance(embeddings.from_bytes(dense.to_bytes()), networks.Network)
    assert embeddings.from_bytes(encoder().to_bytes()) == encoder()
