"""The extractor patch_kmeans, beyond what every extractor promises."""

import numpy as np
import pytest

from extracting import noises, run
from kindred.features.extractors import patch_kmeans


@pytest.mark.parametrize("shape", [(9, 7, 1), (16, 14, 3)], ids=str)
def test_patch_kmeans_is_what_its_formula_says(shape: tuple) -> None:
    batch = noises(*shape, count=3)
    patches = patch_kmeans.learn(noises(*shape), str)
    projection = patch_kmeans.project(noises(*shape), patches, str)

    rows = run(patch_kmeans.features_graph(shape, patches, projection), batch)

    px, border = patches.px, patches.border
    padded = np.pad(batch.astype(float), ((0, 0), (border, border), (border, border), (0, 0)), mode="edge")
    down_count, across_count = padded.shape[1] - px + 1, padded.shape[2] - px + 1
    down, across = patch_kmeans.windows(down_count), patch_kmeans.windows(across_count)
    responses = np.zeros((3, len(patches.learned), down.shape[1], across.shape[1]))
    for y in range(down_count):
        for x in range(across_count):
            patch = patch_kmeans.normalise(padded[:, y : y + px, x : x + px].reshape(3, -1))
            response = np.maximum(
                0, (patch - patches.mean) @ patches.whitening @ patches.learned.T - patch_kmeans.THRESHOLD
            )
            responses += np.einsum("nk,a,b->nkab", response, down[y], across[x])
    values = patch_kmeans.balance(responses.reshape(3, len(patches.learned), -1), projection.floor)
    expected = (values - projection.mean) @ projection.components
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(rows, expected, atol=1e-4)


def test_patch_kmeans_learns_whitened_patches_of_length_1() -> None:
    patches = patch_kmeans.learn(noises(28, 28, 1), str)

    assert (patches.px, patches.border, patches.learned.shape) == (6, 2, (patch_kmeans.PATCHES, 36))
    np.testing.assert_allclose(np.linalg.norm(patches.learned, axis=1), 1, atol=1e-5)


def test_windows_cover_all_places_and_overlap() -> None:
    windows = patch_kmeans.windows(27)

    assert windows.shape == (27, 6)
    np.testing.assert_allclose(windows.sum(axis=0), 1)
    np.testing.assert_allclose(windows, windows[::-1, ::-1])
    assert (np.diff(windows.argmax(axis=0)) > 0).all()
