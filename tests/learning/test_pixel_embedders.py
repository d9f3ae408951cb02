"""What every embedder that learns from pixels promises."""

import functools

import numpy as np
import pytest

from kindred.features import conv_blocks, keras_setup
from kindred.learning import embeddings, metric_training, networks, pixel_encoder, pixel_training
from kindred.learning.pixel_encoder import PixelEncoder
from kindred.runtime import variants
from kindred.runtime.errors import InputError

pytestmark = pytest.mark.tensorflow

NAMES = [name for name in variants.names("embedder") if hasattr(variants.load("embedder", name), "PIXELS")]
LABELLED = [name for name in NAMES if variants.load("embedder", name).LABELLED]
CLASSES = np.repeat([0, 1], 60)


def shapes(classes: np.ndarray, seed: int = 0, height: int = 16, width: int = 16, channels: int = 1) -> np.ndarray:
    """Pictures [n, height, width, channels] from 0 to 1 of a square (class 0) or a cross (class 1), about the middle of
    a ground of noise.
    """
    rng = np.random.default_rng(seed)
    square, cross = np.ones((9, 9)), np.zeros((9, 9))
    square[2:7, 2:7] = 0
    cross[3:6] = cross[:, 3:6] = 1
    images = rng.normal(0.4, 0.25, (len(classes), height, width, channels))
    for image, number in zip(images, classes, strict=True):
        top, left = rng.integers(2, 5, 2)
        image[top : top + 9, left : left + 9] += 0.3 * (square, cross)[number % 2][..., None]
    return np.clip(images, 0, 1).astype(np.float32)


def flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1)


def fitted(
    name: str, images: np.ndarray, classes: np.ndarray = CLASSES, lines: list[str] | None = None
) -> PixelEncoder:
    module = variants.load("embedder", name)
    say = (lambda line: None) if lines is None else lines.append
    encoder: PixelEncoder = module.fit(images, classes if module.LABELLED else None, 0, say)
    return encoder


@functools.cache
def learned(name: str) -> tuple[PixelEncoder, list[str]]:
    """An encoder of shapes, and the lines of progress."""
    lines: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pixel_training, "MAX_EPOCHS", 15)
        return fitted(name, shapes(CLASSES), lines=lines), lines


@pytest.mark.parametrize("name", NAMES)
def test_unseen_images_of_a_class_match(name: str) -> None:
    unseen = flat(shapes(CLASSES, seed=1))

    by_pixels, by_vectors = (
        metric_training.mean_average_precision(embeddings.embed(network, unseen), CLASSES)
        for network in (networks.Network(()), learned(name)[0])
    )

    # Without labels, so few images teach less than their pixels show; a random order has half.
    assert by_vectors > (by_pixels + 0.1 if name in LABELLED else 0.54)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_bytes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixel_training, "MAX_EPOCHS", 2)

    one, other = (fitted(name, shapes(CLASSES)) for _ in range(2))

    assert one.to_bytes() == other.to_bytes()
    assert one.losses == other.losses


@pytest.mark.parametrize("name", NAMES)
def test_an_encoder_comes_back_from_its_file(name: str) -> None:
    encoder, features = learned(name)[0], flat(shapes(CLASSES, seed=2))

    vectors = embeddings.embed(embeddings.from_bytes(encoder.to_bytes()), features)

    assert vectors.shape == (120, pixel_training.VECTOR_SIZE)
    np.testing.assert_array_equal(vectors, embeddings.embed(encoder, features))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_the_losses_of_each_epoch_are_kept_and_fall(name: str) -> None:
    encoder, lines = learned(name)

    losses = encoder.losses

    assert losses.keys() == {"loss", "held_out_loss", "learning_rate"}
    assert len({len(values) for values in losses.values()}) == 1
    assert min(losses["held_out_loss"]) < losses["held_out_loss"][0]
    assert losses["loss"][-1] < losses["loss"][0]
    assert lines[0] == "a convolutional network learns from 120 images of 16 x 16 px"
    assert lines[1].startswith("... epoch 1 of at most 15: loss ")


def test_the_graph_computes_what_the_network_does() -> None:
    keras, images = keras_setup.keras(), shapes(CLASSES[:5], 0, 17, 30, 3)
    parts, convolutions, dense = pixel_training._network(keras, images.shape[1:], noise=0.3)
    model = keras.Model(parts.pixels, parts.vectors)

    graph = pixel_encoder.graph(images.shape[1:], conv_blocks.of_layers(convolutions), *dense.get_weights())

    vectors = np.asarray(model(images, training=False))
    np.testing.assert_allclose(PixelEncoder(graph).outputs(flat(images)), vectors, rtol=1e-4, atol=1e-4)


def test_a_decoder_makes_images_of_the_same_shape() -> None:
    keras = keras_setup.keras()
    parts, _, _ = pixel_training._network(keras, (17, 30, 3), noise=0)

    assert pixel_training.decoder(keras, parts).shape == (None, 17, 30, 3)


@pytest.mark.parametrize(("larger", "held_out"), [(4, False), (5, True)])
def test_images_of_one_class_alone_are_not_held_out(
    larger: int, held_out: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pixel_training, "MAX_EPOCHS", 1)
    classes = np.array([0] * 4 + [1] * (larger - 1) + [2] * 2)

    assert ("held_out_loss" in fitted("siamese_network", shapes(classes), classes).losses) == held_out


def test_training_stops_early_and_its_rate_falls_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixel_training, "MAX_EPOCHS", 200)
    monkeypatch.setattr(pixel_training, "VIEWS", 10**6)
    lines: list[str] = []

    noise = np.random.default_rng(0).random((120, 16, 16, 1), np.float32)
    rates = fitted("convnet", noise, lines=lines).losses["learning_rate"]

    assert 8 < len(rates) < 200
    assert rates[-1] == pytest.approx(pixel_training.RATE * pixel_training.FACTOR**2)
    assert lines[-1].startswith(f"stopped after {len(rates)} epochs, number {len(rates) - 8} is the best;")


@pytest.mark.parametrize("name", NAMES)
def test_few_images_of_another_shape_are_learned_from(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixel_training, "MAX_EPOCHS", 1)
    classes = np.repeat(np.arange(3), 2)
    images = shapes(classes, 0, 17, 30, 3)

    encoder = fitted(name, images, classes)

    assert np.isfinite(embeddings.embed(encoder, flat(images))).all()
    assert encoder.losses.keys() == {"loss", "learning_rate"}  # too few to hold any out


@pytest.mark.parametrize("name", NAMES)
def test_batches_may_differ_in_size(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixel_training, "BATCH", 10)
    monkeypatch.setattr(pixel_training, "MAX_EPOCHS", 2)
    classes = np.repeat(np.arange(6), [2, 3, 5, 7, 11, 13])

    encoder = fitted(name, shapes(classes), classes)

    assert np.isfinite(encoder.losses["loss"]).all()


@pytest.mark.parametrize("name", NAMES)
def test_images_that_are_all_alike_give_vectors_that_are_all_alike(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixel_training, "MAX_EPOCHS", 2)
    images = np.full((120, 16, 16, 1), 0.25, np.float32)

    vectors = embeddings.embed(fitted(name, images), flat(images))

    assert np.isfinite(vectors).all()
    np.testing.assert_allclose(vectors, vectors[:1].repeat(120, axis=0), atol=1e-5)


@pytest.mark.parametrize("name", LABELLED)
def test_without_two_classes_of_two_images_nothing_can_be_learned(name: str) -> None:
    with pytest.raises(InputError, match="1 of 2 classes"):
        fitted(name, shapes(CLASSES[:3]), np.array([0, 0, 1]))


def test_an_image_counts_as_many_views_as_its_pixels_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixel_training, "VIEWS", 40)  # of 48 px: 360 of 16 px

    losses = fitted("convnet", shapes(CLASSES)).losses

    assert len(losses["loss"]) == 360 // 96
