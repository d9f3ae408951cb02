"""Features of many images: in batches, whose size changes the time alone."""

import numpy as np
import pytest

from extracting import MIXED, session_of
from kindred.features import extractor_setup, featurize
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
