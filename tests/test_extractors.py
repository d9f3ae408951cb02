"""What every extractor promises, and how one is made ready for a dataset."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from kindred import featurize, graphs, variants
from kindred.errors import InputError
from pictures import noise

NAMES = variants.names("extractor")
WEIGHTS = "weights/models/mobilenet_2_5_224_tf_no_top.h5"
MIXED = {"height": None, "width": None, "channels": 3}


def features(name: str, batch: np.ndarray, weights: str = "random") -> np.ndarray:
    """Features of images [n, h, w, c], by the extractor's graph or function."""
    module = variants.load("extractor", name)
    if not hasattr(module, "graph"):
        return module.features(batch)
    session = graphs.session(module.graph(batch.shape[1:3], batch.shape[3], weights))
    return session.run(None, {session.get_inputs()[0].name: batch})[0]


@pytest.mark.parametrize("name", NAMES)
def test_each_extractor_says_what_it_wants(name: str) -> None:
    module = variants.load("extractor", name)

    assert module.IMAGE_SIZE is None or module.IMAGE_SIZE > 0
    assert module.CHANNELS in (None, 1, 3)
    assert module.WEIGHTED in (True, False)
    assert hasattr(module, "graph") != hasattr(module, "features")
    assert module.__doc__


@pytest.mark.parametrize("name", [name for name in NAMES if not variants.load("extractor", name).WEIGHTED])
@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (33, 20, 3)], ids=str)
def test_without_weights_an_extractor_takes_any_image_and_repeats_itself(name: str, shape: tuple) -> None:
    batch = np.stack([noise(*shape, seed=seed) for seed in range(3)])

    one, other, alone = features(name, batch), features(name, batch), features(name, batch[1:2])

    assert one.dtype == np.float32
    assert one.ndim == 2
    assert np.isfinite(one).all()
    assert len(np.unique(one, axis=0)) == 3
    np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(one[1:2], alone, atol=1e-6)


def test_pixels_are_the_values_over_255() -> None:
    batch = noise(4, 3, 1)[None]

    np.testing.assert_allclose(features("pixels", batch), batch.reshape(1, -1) / 255, atol=1e-7)


def test_an_extractor_takes_the_size_of_the_dataset_unless_it_or_the_form_has_one() -> None:
    dataset = {"height": 28, "width": 20, "channels": 1}

    own = featurize.prepare("hog", None, "random", dataset)
    asked = featurize.prepare("hog", 40, "random", dataset)
    mixed = featurize.prepare("hog", None, "random", MIXED)

    assert (own.height, own.width, own.channels) == (28, 20, 1)
    assert (asked.height, asked.width, asked.channels) == (40, 40, 1)
    assert (mixed.height, mixed.width, mixed.channels) == (featurize.MIXED_SIZE, featurize.MIXED_SIZE, 3)
    assert len({own.fingerprint, asked.fingerprint, mixed.fingerprint}) == 3


def test_a_graph_is_exported_once_and_kept_in_the_cache(monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    first = featurize.prepare("pixels", 8, "random", MIXED)
    monkeypatch.setattr(variants.load("extractor", "pixels"), "graph", lambda *given: pytest.fail("exported again"))

    again = featurize.prepare("pixels", 8, "random", MIXED)

    assert again == first
    assert (data / "cache/graphs" / first.graph).is_file()


def test_a_graph_that_is_gone_from_the_cache_comes_back() -> None:
    extractor = featurize.prepare("pixels", 8, "random", MIXED)
    path = featurize.graph_path(extractor)
    path.unlink()

    with pytest.raises(InputError, match="run the 'featurize' stage again"):
        featurize.graph_path(extractor)
    assert featurize.graph_path(extractor, lambda: b"stored").read_bytes() == b"stored"


def test_weights_that_are_not_there_are_refused_before_keras_is_asked() -> None:
    with pytest.raises(InputError, match="no such weights: '/nowhere.h5'; give imagenet, random or a file"):
        featurize.prepare("mobilenet", 32, "/nowhere.h5", MIXED)


@pytest.mark.tensorflow
def test_a_network_with_random_weights_becomes_a_graph() -> None:
    batch = np.stack([noise(32, 32, seed=seed) for seed in range(2)])

    found = features("mobilenet", batch)

    assert found.shape == (2, 1024)
    assert np.isfinite(found).all()
    assert np.abs(found[0] - found[1]).max() > 0


@pytest.mark.tensorflow
def test_the_width_of_a_weights_file_is_found(shared_data: Path, tmp_path: Path) -> None:
    weights = shutil.copy(shared_data / WEIGHTS, tmp_path / "any name.h5")
    batch = np.stack([noise(32, 32, seed=seed) for seed in range(2)])

    found = features("mobilenet", batch, str(weights))

    assert found.shape == (2, 256)


@pytest.mark.tensorflow
@pytest.mark.parametrize("content", [None, b"no weights"], ids=["of another network", "no weights at all"])
def test_a_wrong_weights_file_is_refused_in_one_line(content: bytes | None, shared_data: Path, tmp_path: Path) -> None:
    weights = tmp_path / "weights.h5"
    weights.write_bytes((shared_data / WEIGHTS).read_bytes() if content is None else content)

    with pytest.raises(InputError, match="holds no weights of MobileNetV2 without its top") as caught:
        features("mobilenet_v2", noise(32, 32)[None], str(weights))
    assert "\n" not in str(caught.value)
