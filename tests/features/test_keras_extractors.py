"""Extractors that are networks of Keras: their graphs, regions and weights."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from extracting import features, run
from kindred.features import onnx_graphs
from kindred.runtime import variants
from kindred.runtime.errors import InputError
from pictures import noise

pytestmark = pytest.mark.tensorflow

WEIGHTS = "weights/models/mobilenet_2_5_224_tf_no_top.h5"


def test_a_network_with_random_weights_becomes_a_graph() -> None:
    batch = np.stack([noise(32, 32, seed=seed) for seed in range(2)])

    one, other = rows = features("mobilenet", batch, image_size=32)

    assert rows.shape == (2, 1024)
    assert np.isfinite(rows).all()
    assert np.abs(one - other).max() > 0


@pytest.mark.parametrize("name", ["mobilenet", "mobilenet_v2"])
def test_the_regions_of_a_network_average_to_its_features(name: str) -> None:
    batch = np.stack([noise(96, 64, seed=seed) for seed in range(2)])
    graph = variants.load("extractor", name).graph((96, 64), 3, "random")
    session = onnx_graphs.session(onnx_graphs.with_regions(graph))

    features, regions = session.run(None, {session.get_inputs()[0].name: batch})

    assert regions.shape == (2, 3, 2, features.shape[1])
    np.testing.assert_allclose(regions.mean(axis=(1, 2)), features, rtol=1e-5, atol=1e-6)
    assert regions.std(axis=(1, 2)).max() > 0
    np.testing.assert_array_equal(features, run(graph, batch))


@pytest.mark.parametrize(
    ("name", "earlier"), [("mobilenet_v2", 576), pytest.param("resnet50", 1024, marks=pytest.mark.long)]
)
def test_with_two_maps_the_average_of_an_earlier_one_comes_first_and_both_have_the_length_1(
    name: str, earlier: int
) -> None:
    batch = np.stack([noise(64, 64, seed=seed) for seed in range(2)])
    module = variants.load("extractor", name)
    last = run(module.graph((64, 64), 3, "random"), batch)

    rows = run(module.graph((64, 64), 3, "random", module.EARLIER_MAP), batch)

    assert rows.shape == (2, earlier + last.shape[1])
    np.testing.assert_allclose(rows[:, earlier:], last / np.linalg.norm(last, axis=1, keepdims=True), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(rows[:, :earlier], axis=1), 1, atol=1e-5)


def test_the_width_of_a_network_is_that_of_its_weights_file(shared_data: Path, tmp_path: Path) -> None:
    weights = shutil.copy(shared_data / WEIGHTS, tmp_path / "any name.h5")
    batch = np.stack([noise(32, 32, seed=seed) for seed in range(2)])

    assert features("mobilenet", batch, str(weights), image_size=32).shape == (2, 256)


@pytest.mark.parametrize("content", [None, b"no weights"], ids=["of another network", "no weights at all"])
def test_a_wrong_weights_file_is_refused_in_one_line(content: bytes | None, shared_data: Path, tmp_path: Path) -> None:
    weights = tmp_path / "weights.h5"
    weights.write_bytes((shared_data / WEIGHTS).read_bytes() if content is None else content)

    with pytest.raises(InputError, match="holds no weights of MobileNetV2 without its top") as caught:
        features("mobilenet_v2", noise(32, 32)[None], str(weights), image_size=32)
    assert "\n" not in str(caught.value)
