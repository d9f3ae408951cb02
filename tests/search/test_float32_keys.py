"""Keys in float32 are off by no more than they say."""

import numpy as np
import pytest

from kindred.search.distances import DISTANCES

NAMES = [name for name, distance in DISTANCES.items() if distance.float32_keys is not None]


@pytest.mark.parametrize("width", [2, 97, 1280])
@pytest.mark.parametrize("name", NAMES)
def test_a_key_in_float32_is_as_near_to_that_in_float64_as_it_states(name: str, width: int) -> None:
    distance, rng = DISTANCES[name], np.random.default_rng(width)
    assert distance.float32_keys is not None
    queries = rng.normal(size=(10, width)).astype(np.float32) * 100
    gallery = np.concatenate([queries, queries * np.float32(1.0001), rng.normal(size=(80, width))]).astype(np.float32)
    query, row = (part.ravel() for part in np.meshgrid(np.arange(10), np.arange(100)))
    lengths = np.linalg.norm(gallery.astype(np.float64), axis=1)

    keys, error = distance.float32_keys(queries, query, gallery, row, lengths, 1)

    exact = distance.keys(queries[query], gallery[row])
    assert (np.abs(keys - exact) <= error).all()
    assert (np.broadcast_to(error, len(keys)) < 0.01 * np.maximum(exact, 2)).all()


def test_a_zero_vector_has_the_key_of_a_right_angle() -> None:
    cosine = DISTANCES["cosine"].float32_keys
    assert cosine is not None
    zeros, ones = np.zeros((1, 200), np.float32), np.ones((1, 200), np.float32)

    for query, row in ((zeros, ones), (ones, zeros), (zeros, zeros)):
        pair = np.zeros(1, np.int64)
        keys, error = cosine(query, pair, row, pair, np.linalg.norm(row.astype(np.float64), axis=1), 1)
        assert abs(keys[0] - DISTANCES["cosine"].keys(query, row)[0]) <= error
