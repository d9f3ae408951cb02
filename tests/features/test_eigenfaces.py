"""The extractor eigenfaces, beyond what every extractor promises."""

import numpy as np
import pytest

from extracting import noises, run
from kindred.features.extractors import eigenfaces


def test_features_are_the_pixels_principal_components() -> None:
    images = noises(5, 4, 1, count=50)
    pixels = images.reshape(50, -1) / 255
    centred = pixels - pixels.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)

    rows = run(eigenfaces.fit_graph(images, str), images)

    assert rows.shape == (50, 20)
    np.testing.assert_allclose(np.abs(rows), np.abs(centred @ axes[:, ::-1]), atol=1e-4)


def test_as_many_components_keep_distances() -> None:
    images = noises(5, 4, 1, count=50)
    pixels = images.reshape(50, -1) / 255

    rows = run(eigenfaces.fit_graph(images, str), images)

    between = np.linalg.norm(pixels[:1] - pixels[1:], axis=1)
    np.testing.assert_allclose(np.linalg.norm(rows[:1] - rows[1:], axis=1), between, atol=1e-4)


@pytest.mark.parametrize(("count", "width"), [(10, 10), (200, eigenfaces.COMPONENTS)])
def test_there_are_no_more_components_than_images(count: int, width: int, messages: list[str]) -> None:
    images = noises(12, 12, 3, count=count)

    rows = run(eigenfaces.fit_graph(images, messages.append), images[:1])

    assert rows.shape == (1, width)
    assert messages[0].startswith(f"{width} principal components of {count} images hold ")
