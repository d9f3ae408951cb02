"""Features as unit vectors, and which embedder `auto` is."""

import numpy as np
import pytest

from kindred.features.featurize import Extractor
from kindred.learning import embeddings, metric_training, principal_axes
from kindred.learning.networks import Layer, Network
from kindred.runtime.errors import InputError


def test_vectors_have_the_length_1_and_zeros_stay() -> None:
    vectors = embeddings.embed(None, np.array([[3, 4], [0, 0]], np.float32))

    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, [[0.6, 0.8], [0, 0]], atol=1e-7)


def test_a_network_is_applied_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network((Layer(np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([0.0, 1.0])),))
    features = np.random.default_rng(0).normal(size=(7, 2)).astype(np.float32)
    whole = embeddings.embed(network, features)
    monkeypatch.setattr(embeddings, "BLOCK_ROWS", 3)

    blocks = embeddings.embed(network, features)

    np.testing.assert_array_equal(blocks, whole)
    np.testing.assert_allclose(embeddings.embed(network, np.array([[3, 3]], np.float32)), [[0.6, 0.8]], atol=1e-7)


def test_no_image_gives_no_vector() -> None:
    assert embeddings.embed(None, np.zeros((0, 4), np.float32)).shape == (0, 4)


@pytest.mark.parametrize(
    ("images_per_class", "chosen"),
    [
        ([50, 50], "supcon"),
        ([49, 50], "half_whitened"),
        ([200, 9, 9], "half_whitened"),
        ([200, 10, 2], "supcon"),
        ([], "half_whitened"),
    ],
)
def test_auto_learns_from_labels_where_there_are_enough(images_per_class: list[int], chosen: str) -> None:
    assert embeddings.choose("auto", images_per_class) == chosen


def test_another_name_stays_and_an_unknown_one_is_refused() -> None:
    assert embeddings.choose("triplet", []) == "triplet"
    with pytest.raises(InputError, match="unknown embedder 'nope'; known: arcface, autoencoder"):
        embeddings.choose("nope", [])


@pytest.mark.parametrize(
    ("extractor", "height", "width", "line"),
    [
        ("rgb_histogram", 48, 48, "embedder convnet learns from pixels: set extractor to pixels and image_size to 48"),
        ("pixels", 48, 15, "embedder convnet takes images of 16 to 128 px a side, not 15: set image_size to 48"),
        ("pixels", 600, 48, "embedder convnet takes images of 16 to 128 px a side, not 600: set image_size to 48"),
    ],
)
def test_what_is_learned_from_pixels_takes_pixels_of_small_images_alone(
    extractor: str, height: int, width: int, line: str
) -> None:
    with pytest.raises(InputError) as caught:
        embeddings.pixels_shape("convnet", Extractor(extractor, height, width, 3, "", None))

    assert str(caught.value) == line
    assert embeddings.pixels_shape("convnet", Extractor("pixels", 48, 32, 3, "", None)) == (48, 32, 3)
    assert embeddings.pixels_shape("supcon", Extractor(extractor, height, width, 3, "", None)) is None


def test_half_a_whitening_leaves_the_root_of_each_deviation() -> None:
    features = np.random.default_rng(0).normal(5, [1, 4, 16], (5000, 3)).astype(np.float32)

    axes = principal_axes.principal_axes(features)
    halved = (features - axes.mean) @ principal_axes.half_whitening(axes)

    np.testing.assert_allclose(np.sqrt(axes.variances), [16, 4, 1], rtol=0.1)
    assert np.all(np.diff(halved.std(axis=0)) < 0)
    np.testing.assert_allclose(halved.std(axis=0)[:2], [4, 2], rtol=0.1)


def test_few_images_with_many_dimensions_have_the_same_axes() -> None:
    rng = np.random.default_rng(0)
    few = (rng.normal(size=(20, 3)) @ rng.normal(size=(3, 60))).astype(np.float32)
    many = np.tile(few, (4, 1))

    one, other = principal_axes.principal_axes(few), principal_axes.principal_axes(many)

    assert one.axes.shape == other.axes.shape == (60, 3)
    np.testing.assert_allclose(one.variances, other.variances, rtol=1e-3)
    np.testing.assert_allclose(np.abs((one.axes * other.axes).sum(axis=0)), 1, atol=1e-4)


def test_mean_average_precision_counts_every_image_as_a_query() -> None:
    places = np.array([0.0, 0.1, 0.3, 1.0])  # on a circle, radians
    vectors = np.stack([np.cos(places), np.sin(places)], axis=1)

    value = metric_training.mean_average_precision(vectors, np.array([0, 1, 0, 2]))

    assert value == pytest.approx(0.5)  # both images of class 0 find the other one second
