"""Logistic regression."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from kindred.learning.classifiers import logistic_regression
from kindred.runtime import cpu


def example(classes: int, n: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features [n, 6] of overlapping classes far from 0, labels and weights."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, classes, n)
    features = (rng.normal(size=(classes, 6))[labels] + rng.normal(size=(n, 6)) + 50).astype(np.float32)
    return features, labels, rng.uniform(0.1, 1, n)


@pytest.mark.slow  # scikit-learn's import
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("setting", logistic_regression.SETTINGS)
def test_it_is_scikit_learns(classes: int, setting: float) -> None:
    from sklearn.linear_model import LogisticRegression

    features, labels, weights = example(classes)
    mean, scale = features.mean(axis=0), np.sqrt(features.var(axis=0).mean())
    scaled = (features - mean) / scale
    theirs = LogisticRegression(C=setting, max_iter=1000, tol=1e-7).fit(scaled, labels, weights)

    ours = logistic_regression.fit(features, labels, weights, classes, 0, setting)

    np.testing.assert_allclose(ours.probabilities(features), theirs.predict_proba(scaled), atol=1e-3)


def test_the_number_of_cores_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels, weights = example(3, n=5000)

    networks = []
    for cores in (1, 3):
        monkeypatch.setattr(cpu, "cores", lambda cores=cores: cores)
        networks.append(logistic_regression.fit(features, labels, weights, 3, 0, 0.6))

    assert networks[0].to_bytes() == networks[1].to_bytes()


@pytest.mark.slow  # a second and a half
def test_nor_does_the_number_of_threads_of_matrix_products() -> None:
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(1500, 784)).astype(np.float32), rng.integers(0, 10, 1500)

    networks = []
    for threads in (1, 4):
        with threadpool_limits(threads, "blas"):
            networks.append(logistic_regression.fit(features, labels, np.ones(1500), 10, 0, 0.6))

    assert networks[0].to_bytes() == networks[1].to_bytes()
