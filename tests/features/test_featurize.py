"""Features of many images: in batches, whose size changes the time alone."""

import numpy as np
import pyarrow as pa
import pytest

from extracting import MIXED, session_of
from kindred.data import images
from kindred.features import extractor_setup, featurize
from kindred.runtime import arrow
from pictures import noise


@pytest.mark.parametrize("name", ["pixels", "efficientnet_lite0", "patch_kmeans"])
def test_features_are_the_same_bytes_for_any_size_of_batches(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    extractor = extractor_setup.for_dataset(name, 32, "random", MIXED)
    session, pixels = session_of(extractor), [noise(32, 32, 3, seed=seed) for seed in range(9)]

    features = {}
    for size in (1, 4, 9):
        monkeypatch.setattr(featurize, "GRAPH_PIXELS", size * 32 * 32)
        assert extractor.graph_images == size
        features[size] = extractor.features(pixels, session=session)

    assert len(np.unique(features[9], axis=0)) == 9
    assert features[1].tobytes() == features[4].tobytes() == features[9].tobytes()


def test_mirrored_features_are_those_of_the_images_turned_from_left_to_right() -> None:
    extractor = extractor_setup.for_dataset("hog", 32, "random", MIXED)
    pixels = noise(32, 32, 3)
    row = {"image_id": ["a"], "split": ["train"], "content": [images.encode(pixels)]}

    found = next(featurize.worker(extractor, 1, mirrored=True)([pa.record_batch(row)]))

    np.testing.assert_array_equal(arrow.matrix(found.column("features")), extractor.features([pixels[:, ::-1]]))
    assert not np.array_equal(arrow.matrix(found.column("features")), extractor.features([pixels]))
