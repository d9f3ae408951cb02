"""The task of the extractor exemplar."""

import numpy as np
import pytest

from extracting import noises
from kindred.features.extractors import exemplar


def test_a_motion_without_translation_keeps_the_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exemplar, "TRANSLATION", 0.0)

    motions = exemplar.motions(50, 21, 11, np.random.default_rng(0))

    middle = np.array([5, 10, 1])
    np.testing.assert_allclose(motions[:, 0:3] @ middle, 5, atol=1e-4)
    np.testing.assert_allclose(motions[:, 3:6] @ middle, 10, atol=1e-4)
    areas = motions[:, 0] * motions[:, 4] - motions[:, 1] * motions[:, 3]  # of the image, for one pixel of the copy
    assert 1 / 1.4**2 <= areas.min() < 0.7 < 1.5 < areas.max() <= 1 / 0.7**2 + 1e-6


def test_other_colours_leave_grey_and_lightness() -> None:
    changes = exemplar.colours(20, np.random.default_rng(0))
    lightness = exemplar.YIQ[0]

    np.testing.assert_allclose(changes @ np.ones(3), 1, atol=0.01)
    np.testing.assert_allclose(lightness @ changes, np.tile(lightness, (20, 1)), atol=0.01)
    assert np.abs(changes - np.eye(3)).max(axis=(1, 2)).min() > 0.01


@pytest.mark.tensorflow
@pytest.mark.parametrize("channels", [1, 3])
def test_copies_are_distorted_and_answer_with_their_rows(channels: int) -> None:
    images, rows = noises(12, 10, channels, count=6), np.array([3, 5, 8, 9, 11, 20])

    copies, answers = exemplar.make_batch(images, rows, np.random.default_rng(0))
    again, _ = exemplar.make_batch(images, rows, np.random.default_rng(0))

    assert copies.shape == images.shape
    assert 0 <= copies.min() < copies.max() <= 255
    assert np.abs(copies - images).mean(axis=(1, 2, 3)).min() > 5
    np.testing.assert_array_equal(answers, rows)
    np.testing.assert_array_equal(copies, again)


@pytest.mark.tensorflow
def test_without_distortion_a_copy_is_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"TRANSLATION": 0, "ROTATION": 0, "HUE": 0}.items():
        monkeypatch.setattr(exemplar, name, value)
    for name in ("SCALES", "GAMMAS", "SATURATIONS"):
        monkeypatch.setattr(exemplar, name, (1, 1))
    images = noises(12, 10, 3, count=2)

    copies, _ = exemplar.make_batch(images, np.arange(2), np.random.default_rng(0))

    np.testing.assert_allclose(copies, images, atol=0.01)
