"""What every embedder of features promises, and the gradients of the losses."""

import numpy as np
import pytest

from kindred.learning import embeddings, metric_training, networks
from kindred.runtime import variants
from kindred.runtime.errors import InputError

ALL = variants.names("embedder")
NAMES = [name for name in ALL if not hasattr(variants.load("embedder", name), "PIXELS")]
LABELLED = [name for name in NAMES if variants.load("embedder", name).LABELLED]
LEARNED = [name for name in NAMES if name != "none"]
LOSSES = [name for name in NAMES if hasattr(variants.load("embedder", name), "loss")]
CLASSES = np.repeat([0, 1, 2], 30)


def noisy(classes: np.ndarray, seed: int = 0, width: int = 40) -> np.ndarray:
    """Features [n, width] of which one for each class tells it, weakly, and a few strong ones nothing at all."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(len(classes), width))
    features[:, -5:] *= 4
    features[np.arange(len(classes)), classes] += 3
    return features.astype(np.float32)


def precision(network: networks.Network, features: np.ndarray, classes: np.ndarray = CLASSES) -> float:
    return metric_training.mean_average_precision(embeddings.embed(network, features), classes)


def fitted(
    name: str, features: np.ndarray, classes: np.ndarray | None = CLASSES, lines: list[str] | None = None
) -> networks.Network:
    say = (lambda line: None) if lines is None else lines.append
    network: networks.Network = variants.load("embedder", name).fit(features, classes, 0, say)
    return network


@pytest.mark.parametrize("name", LABELLED)
def test_other_views_of_the_images_are_learned_from(name: str) -> None:
    """In the views other features tell the class."""
    features, views = noisy(CLASSES), np.roll(noisy(CLASSES, seed=2), 10, axis=1)
    plain = fitted(name, features)

    network = variants.load("embedder", name).fit(features, CLASSES, 0, lambda line: None, views)

    assert precision(network, views) > precision(plain, views) + 0.1


@pytest.mark.parametrize("name", LABELLED)
def test_views_that_are_the_images_themselves_make_no_image_its_own_match(name: str) -> None:
    """Were they rows of their own, each held-out image would find itself, and the error be near 0."""
    unrelated = np.random.default_rng(0).normal(size=(90, 40)).astype(np.float32)

    network = variants.load("embedder", name).fit(unrelated, CLASSES, 0, lambda line: None, unrelated)

    assert min(network.losses["held_out_error"]) > 0.4


@pytest.mark.parametrize("name", LEARNED)
def test_images_of_a_class_match_better_than_by_the_features(name: str) -> None:
    network = fitted(name, noisy(CLASSES))
    unseen = noisy(CLASSES, seed=1)

    assert precision(network, unseen) > precision(networks.Network(()), unseen) + (0.15 if name in LABELLED else 0.02)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_network(name: str) -> None:
    one, other = (fitted(name, noisy(CLASSES)) for _ in range(2))

    assert one.to_bytes() == other.to_bytes()
    assert one.losses == other.losses


@pytest.mark.parametrize("name", NAMES)
def test_an_embedding_comes_back_from_its_file_in_unit_length(name: str) -> None:
    features = noisy(CLASSES)
    network = fitted(name, features)

    vectors = embeddings.embed(networks.from_bytes(network.to_bytes()), features)

    np.testing.assert_array_equal(vectors, embeddings.embed(network, features))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [1, 3, 200])
def test_any_width_of_features_is_embedded(name: str, width: int) -> None:
    features = np.random.default_rng(0).normal(size=(90, width)).astype(np.float32)

    vectors = embeddings.embed(fitted(name, features), features)

    assert np.isfinite(vectors).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [0, 0.1, 1e4])
def test_features_that_are_all_alike_give_vectors_that_are_all_alike(name: str, value: float) -> None:
    features = np.full((90, 8), value, np.float32)

    vectors = embeddings.embed(fitted(name, features), features)

    assert np.isfinite(vectors).all()
    np.testing.assert_array_equal(vectors, vectors[:1].repeat(90, axis=0))


@pytest.mark.parametrize("name", LABELLED)
def test_the_only_image_of_a_class_is_left_out(name: str) -> None:
    classes, lines = np.append(CLASSES, [7, 8]), []

    fitted(name, noisy(classes), classes, lines)

    assert "2 images are the only one of their class: not learned from" in lines


@pytest.mark.parametrize("name", LABELLED)
@pytest.mark.parametrize(
    ("classes", "reason"),
    [
        (np.arange(40) % 20 * 0, "1 of 1 classes"),
        (np.arange(20), "0 of 20 classes"),
        (np.array([0, 0, 1]), "1 of 2 classes"),
        (None, "there are none; half_whitened does without"),
    ],
    ids=["one class", "one image a class", "one class with pairs", "no labels"],
)
def test_without_two_classes_of_two_images_nothing_can_be_learned(
    name: str, classes: np.ndarray | None, reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        fitted(name, np.ones((20, 4), np.float32) if classes is None else noisy(classes * 0), classes)


@pytest.mark.parametrize("name", LOSSES)
def test_two_images_a_class_are_enough(name: str) -> None:
    classes = np.repeat(np.arange(20), 2)

    network = fitted(name, noisy(classes), classes)

    assert len(network.losses["loss"]) == metric_training.EPOCHS_UNSEEN
    assert precision(network, noisy(classes), classes) > 0.5


@pytest.mark.parametrize("name", LOSSES)
def test_the_losses_of_each_epoch_are_kept(name: str) -> None:
    losses = fitted(name, noisy(CLASSES)).losses

    assert losses.keys() == {"loss", "held_out_error"}
    assert len(losses["loss"]) == len(losses["held_out_error"])
    assert losses["loss"][-1] < losses["loss"][0]


@pytest.mark.parametrize("name", LOSSES)
def test_the_gradients_of_a_loss_are_those_of_small_steps(name: str) -> None:
    rng = np.random.default_rng(0)
    loss = variants.load("embedder", name).loss
    classes = np.array([0, 0, 1, 1, 2, 2, 2])
    vectors = embeddings.unit_rows(rng.normal(size=(7, 4)))
    heads = rng.normal(size=(4, 3))
    _, by_vector, by_heads = loss(vectors, classes, heads)
    # Off the sphere distances by the cosine are others, so vectors move on it.
    by_vector -= (by_vector * vectors).sum(axis=1, keepdims=True) * vectors
    step = 1e-5

    for i, j in np.ndindex(vectors.shape):
        values = []
        for sign in (1, -1):
            moved = vectors.copy()
            moved[i, j] += sign * step
            values.append(loss(embeddings.unit_rows(moved), classes, heads)[0])
        assert (values[0] - values[1]) / (2 * step) == pytest.approx(by_vector[i, j], abs=1e-5)
    for i, j in np.ndindex(heads.shape):
        values = []
        for sign in (1, -1):
            moved = heads.copy()
            moved[i, j] += sign * step
            values.append(loss(vectors, classes, moved)[0])
        assert (values[0] - values[1]) / (2 * step) == pytest.approx(by_heads[i, j], abs=1e-5)


@pytest.mark.parametrize("name", ALL)
def test_an_embedder_says_what_it_does(name: str) -> None:
    assert variants.load("embedder", name).__doc__
