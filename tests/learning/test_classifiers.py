"""What every classifier promises. Those that fit in Spark: test_classifiers_in_spark.py."""

import functools
from types import ModuleType

import numpy as np
import pytest

from kindred.learning import cross_validation, networks
from kindred.learning.networks import Network
from kindred.runtime import variants

NAMES = variants.names("classifier")


def fitting() -> list:
    """The classifiers with `fit`; those that use Keras take seconds."""
    parameters = []
    for name in NAMES:
        module = variants.load("classifier", name)
        if hasattr(module, "fit"):
            slow = "import keras" in variants.source(module).read_text()
            parameters.append(pytest.param(module, id=name, marks=[pytest.mark.tensorflow] if slow else []))
    return parameters


def blobs(classes: int, each: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Features [n, 4] around far-away centres, the last of which does not vary, and labels [n]. Both are read-only."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(classes), each)
    features = (6 * np.eye(4)[labels] + [10, -20, 30, 0] + rng.normal(size=(len(labels), 4))).astype(np.float32)
    features[:, 3] = 5
    features.flags.writeable = labels.flags.writeable = False
    return features, labels


@functools.cache
def fitted(module: ModuleType, classes: int) -> Network:
    """The network for that many blobs."""
    return fit(module, *blobs(classes), classes=classes)


def fit(module: ModuleType, features: np.ndarray, labels: np.ndarray, weights=None, classes: int = 2) -> Network:
    settings = getattr(module, "SETTINGS", (None,))
    weights = np.ones(len(labels)) if weights is None else weights
    return module.fit(features, labels, weights, classes, 7, settings[len(settings) // 2])


@pytest.mark.parametrize("name", NAMES)
def test_each_classifier_can_be_fitted_and_says_whether_it_takes_weights(name: str) -> None:
    module = variants.load("classifier", name)

    assert hasattr(module, "fit") or hasattr(module, "fit_frame")
    assert module.TAKES_WEIGHTS in (True, False)
    assert module.__doc__


@pytest.mark.parametrize("module", fitting())
@pytest.mark.parametrize("classes", [2, 3])
def test_far_away_classes_are_separated(module: ModuleType, classes: int) -> None:
    features, labels = blobs(classes)

    probabilities = fitted(module, classes).probabilities(features)

    assert probabilities.shape == (len(labels), classes)
    assert (probabilities.argmax(axis=1) == labels).mean() > 0.97
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)


@pytest.mark.parametrize("module", fitting())
def test_the_same_seed_gives_the_same_network(module: ModuleType) -> None:
    again = fit(module, *blobs(2))

    assert again.to_bytes() == fitted(module, 2).to_bytes()


@pytest.mark.parametrize("module", fitting())
def test_rows_of_little_weight_count_little(module: ModuleType) -> None:
    features = np.random.default_rng(0).normal(size=(80, 4)).astype(np.float32)
    labels = np.repeat([0, 1], 40)
    weights = np.where(labels == 0, 1.0, 0.01) if module.TAKES_WEIGHTS else np.ones(80)

    share = fit(module, features, labels, weights).probabilities(features)[:, 0].mean()

    assert (share > 0.9) == module.TAKES_WEIGHTS


@pytest.mark.parametrize("module", fitting())
def test_a_class_without_a_row_gets_almost_no_probability(module: ModuleType) -> None:
    features, labels = blobs(2)

    probabilities = fit(module, features, labels, classes=3).probabilities(features)

    assert probabilities.shape == (len(labels), 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert probabilities[:, 2].max() < 0.05


@pytest.mark.tensorflow
def test_a_network_has_its_losses_after_each_epoch_and_does_not_store_them() -> None:
    network = fitted(variants.load("classifier", "neural_network"), 2)

    assert network.losses["loss"][-1] < network.losses["loss"][0]
    assert networks.from_bytes(network.to_bytes()).losses == {}


@pytest.mark.parametrize("classifier", [one for one in fitting() if hasattr(one.values[0], "fit_label_sets")])
def test_with_several_labels_an_image_each_class_is_fitted_on_what_is_known_of_it(classifier: ModuleType) -> None:
    rng = np.random.default_rng(0)
    present = rng.random((240, 2)) < 0.4
    features = (rng.normal(size=(240, 6)) + 6 * np.pad(present, ((0, 0), (0, 4)))).astype(np.float32)
    weights = np.ones((2, 240, 2))
    weights[0, 120:, 1] = 0  # not known in the first fit
    wrong = np.where(weights[0] > 0, present, ~present)

    setting = cross_validation.usual_setting(classifier)
    first, second = classifier.fit_label_sets(features, np.stack([wrong, present]), weights, 0, setting)

    for network in (first, second):
        assert network.thresholds == (0.5, 0.5)
        assert ((network.probabilities(features) >= 0.5) == present).mean() > 0.98
