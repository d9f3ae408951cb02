"""The study's convolutional network: its shape, what it learns, and how it is kept."""

import numpy as np
import pytest

from kindred.features import keras_setup
from kindred.runtime.errors import InputError
from kindred.studies.label_propagation import convnet

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def halves() -> tuple[np.ndarray, np.ndarray]:
    """200 noisy pictures of 8 x 8: class 0 is bright above, class 1 below."""
    labels = np.tile([0, 1], 100)
    pixels = np.random.default_rng(0).uniform(0, 0.3, (200, 8, 8, 1)).astype(np.float32)
    for image, label in zip(pixels, labels, strict=True):
        image[4 * label : 4 * label + 4] += 0.6
    return pixels, labels


@pytest.fixture(scope="module")
def trained(halves) -> tuple[convnet.ConvNet, list[str]]:
    messages: list[str] = []
    return convnet.fit(*halves, 2, 0, messages.append), messages


def test_it_learns_and_reports_each_epoch(halves, trained) -> None:
    network, messages = trained

    assert (network.probabilities(halves[0]).argmax(axis=1) == halves[1]).mean() > 0.97
    assert len(messages) == len(network.losses["loss"]) == len(network.losses["val_loss"])
    assert network.losses["loss"][-1] < network.losses["loss"][0]
    assert "epoch 1: " in messages[0]
    assert network.epoch_seconds > 0


def test_it_comes_back_from_its_file(halves, trained) -> None:
    network, _ = trained

    again = convnet.from_bytes(network.to_bytes())

    np.testing.assert_allclose(again.probabilities(halves[0]), network.probabilities(halves[0]), atol=1e-6)


def test_on_pictures_of_28_px_it_has_the_layers_of_the_study() -> None:
    model = convnet._build(keras_setup.keras(), (28, 28, 1), 10)
    convolutions = [layer for layer in model.layers if layer.__class__.__name__ == "Conv2D"]

    assert [(layer.filters, layer.kernel_size) for layer in convolutions] == [
        *((32, (3, 3)), (64, (3, 3)), (128, (3, 3)), (64, (1, 1)))
    ]
    assert [layer.units for layer in model.layers if layer.__class__.__name__ == "Dense"] == [64, 10]


def test_one_pixel_is_enough_and_nine_images_are_not() -> None:
    assert convnet._build(keras_setup.keras(), (1, 1, 3), 2).output_shape == (None, 2)

    with pytest.raises(InputError, match="9 images to learn from; the network needs 10"):
        convnet.fit(np.zeros((9, 4, 4, 1), np.float32), np.zeros(9, int), 2, 0, print)
