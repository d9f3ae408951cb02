"""The extractor rgb_histogram, beyond what every extractor promises."""

import numpy as np

from extracting import features, noises, run
from kindred.features.extractors import rgb_histogram
from kindred.learning import networks, onnx_model


def test_a_colour_is_counted_in_its_cell_and_the_square_root_of_its_share_is_the_feature() -> None:
    image = np.zeros((2, 4, 3), np.uint8)
    image[0, 0] = 255, 31, 32  # cells 7, 0 and 1
    image[1, 3] = 224, 0, 63  # of the same cells

    [row] = features("rgb_histogram", image[None])

    assert len(row) == 8**3
    assert np.flatnonzero(row).tolist() == [0, 7 * 64 + 1]
    np.testing.assert_allclose(np.square(row[[0, 7 * 64 + 1]]), [0.75, 0.25], atol=1e-6)


def test_a_grey_image_has_one_histogram() -> None:
    image = np.array([[0, 3], [4, 255]], np.uint8)[:, :, None]

    [row] = features("rgb_histogram", image[None])

    assert len(row) == 64
    np.testing.assert_allclose(np.square(row[[0, 1, 63]]), [0.5, 0.25, 0.25], atol=1e-6)


def test_histograms_do_not_know_where_a_colour_is() -> None:
    images = noises(6, 5, 3, count=2)

    np.testing.assert_array_equal(
        features("rgb_histogram", images), features("rgb_histogram", np.ascontiguousarray(images[:, ::-1, ::-1]))
    )


def test_histograms_are_part_of_the_whole_graph() -> None:
    images = noises(6, 5, 3, count=2)
    network = networks.Network((networks.Layer(np.random.default_rng(0).normal(size=(8**3, 2)), np.zeros(2)),))

    probabilities = run(onnx_model.whole_model(rgb_histogram.graph((6, 5), 3, ""), network, 3), images)

    np.testing.assert_allclose(probabilities, network.probabilities(features("rgb_histogram", images)), atol=1e-5)
