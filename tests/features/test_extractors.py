"""What every extractor promises, and how one is made ready for a dataset."""

import shutil
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from kindred.data import images
from kindred.features import extractor_setup, graph_cache, onnx_graphs
from kindred.learning import networks, onnx_model
from kindred.runtime import variants
from kindred.runtime.errors import InputError
from pictures import encoded, noise

NAMES = variants.names("extractor")
WEIGHTS = "weights/models/mobilenet_2_5_224_tf_no_top.h5"
MIXED = {"height": None, "width": None, "channels": 3, "dataset": {"name": "any", "digest": "aaaa"}}
FITTED = [name for name in NAMES if hasattr(variants.load("extractor", name), "fit_graph")]


def features(name: str, batch: np.ndarray, weights: str = "random") -> np.ndarray:
    """Features of images [n, h, w, c], by the extractor's graph (fitted to 40 of noise) or function."""
    module = variants.load("extractor", name)
    if hasattr(module, "fit_graph"):
        return run(module.fit_graph(pile(*batch.shape[1:]), str), batch)
    if not hasattr(module, "graph"):
        return module.features(batch)
    return run(module.graph(batch.shape[1:3], batch.shape[3], weights), batch)


def run(graph: bytes, batch: np.ndarray) -> np.ndarray:
    session = onnx_graphs.session(graph)
    return session.run(None, {session.get_inputs()[0].name: batch})[0]


def pile(height: int, width: int, channels: int, count: int = 40) -> np.ndarray:
    """Images of noise, uint8 [n, h, w, c]."""
    return np.stack([noise(height, width, channels, seed=100 + seed) for seed in range(count)])


@pytest.mark.parametrize("name", NAMES)
def test_each_extractor_says_what_it_wants(name: str) -> None:
    module = variants.load("extractor", name)

    assert module.IMAGE_SIZE is None or module.IMAGE_SIZE > 0
    assert module.CHANNELS in (None, 1, 3)
    assert module.WEIGHTED in (True, False)
    assert sum(hasattr(module, way) for way in ("graph", "fit_graph", "features")) == 1
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
    dataset = {**MIXED, "height": 28, "width": 20, "channels": 1}

    own = extractor_setup.for_dataset("hog", None, "random", dataset)
    asked = extractor_setup.for_dataset("hog", 40, "random", dataset)
    mixed = extractor_setup.for_dataset("hog", None, "random", MIXED)

    assert (own.height, own.width, own.channels) == (28, 20, 1)
    assert (asked.height, asked.width, asked.channels) == (40, 40, 1)
    assert (mixed.height, mixed.width, mixed.channels) == (extractor_setup.MIXED_SIZE, extractor_setup.MIXED_SIZE, 3)
    assert len({own.fingerprint, asked.fingerprint, mixed.fingerprint}) == 3


def test_images_larger_than_an_extractor_takes_are_shrunk_to_its_largest_side() -> None:
    dataset = {**MIXED, "height": 96, "width": 64}

    shrunk = extractor_setup.for_dataset("patch_kmeans", None, "random", dataset)
    asked = extractor_setup.for_dataset("patch_kmeans", 96, "random", dataset)
    untouched = extractor_setup.for_dataset("pixels", None, "random", dataset)

    assert [(e.height, e.width) for e in (shrunk, asked, untouched)] == [(48, 32), (96, 96), (96, 64)]


def test_a_graph_is_exported_once_and_kept_in_the_cache(monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    first = extractor_setup.for_dataset("pixels", 8, "random", MIXED)
    monkeypatch.setattr(variants.load("extractor", "pixels"), "graph", lambda *given: pytest.fail("exported again"))

    again = extractor_setup.for_dataset("pixels", 8, "random", MIXED)

    assert again == first
    assert (data / "cache/graphs" / first.graph).is_file()


def test_a_graph_that_is_gone_from_the_cache_comes_back() -> None:
    extractor = extractor_setup.for_dataset("pixels", 8, "random", MIXED)
    path = graph_cache.restored(extractor.graph)
    path.unlink()

    with pytest.raises(InputError, match="run the 'featurize' stage again"):
        graph_cache.restored(extractor.graph)
    assert graph_cache.restored(extractor.graph, lambda: b"stored").read_bytes() == b"stored"


def test_weights_that_are_not_there_are_refused_before_keras_is_asked() -> None:
    with pytest.raises(InputError, match="no such weights: '/nowhere.h5'; give imagenet, random or a file"):
        extractor_setup.for_dataset("mobilenet", 32, "/nowhere.h5", MIXED)


@pytest.mark.parametrize("name", FITTED)
def test_a_fitted_extractor_is_named_after_its_dataset_before_it_is_fitted(name: str, data: Path) -> None:
    other = {**MIXED, "dataset": {"name": "any", "digest": "bbbb"}}

    found = [extractor_setup.for_dataset(name, 8, "random", dataset).graph for dataset in (MIXED, MIXED, other)]

    assert found[0] == found[1] != found[2]
    assert not list((data / "cache").rglob("*.onnx"))


@pytest.mark.parametrize("name", FITTED)
def test_a_fitted_extractor_gives_the_same_graph_for_the_same_images_on_any_number_of_cores(name: str) -> None:
    from threadpoolctl import threadpool_limits

    sample, module = pile(12, 12, 1), variants.load("extractor", name)

    with threadpool_limits(1):
        one = module.fit_graph(sample, str)
    with threadpool_limits(2):
        two = module.fit_graph(sample, str)

    assert one == two
    assert one != module.fit_graph(sample[1:], str)


@pytest.mark.parametrize("name", FITTED)
def test_a_fitted_extractor_bears_images_of_one_colour(name: str) -> None:
    module, black = variants.load("extractor", name), np.zeros((4, 12, 12, 1), np.uint8)

    alien = run(module.fit_graph(pile(12, 12, 1), str), black)
    own = run(module.fit_graph(black, str), np.concatenate([black, pile(12, 12, 1)]))

    assert np.isfinite(alien).all()
    assert np.isfinite(own).all()


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 5, 3), (6, 6, 1)], ids=str)
@pytest.mark.parametrize("name", FITTED)
def test_a_fitted_extractor_takes_the_smallest_images(name: str, shape: tuple) -> None:
    found = features(name, pile(*shape, count=3))

    assert found.shape[0] == 3
    assert np.isfinite(found).all()


@pytest.mark.parametrize("name", FITTED)
def test_a_fitted_extractor_is_part_of_the_whole_graph(name: str) -> None:
    batch = pile(12, 12, 3, count=4)
    extractor = variants.load("extractor", name).fit_graph(pile(12, 12, 3), str)
    found = run(extractor, batch)
    weights = np.random.default_rng(0).normal(0, 0.1 / np.abs(found).max(), (found.shape[1], 3))
    network = networks.Network((networks.Layer(weights, np.zeros(3)),))

    probabilities = run(onnx_model.whole_model(extractor, network, 3), batch)

    np.testing.assert_allclose(probabilities, network.probabilities(found), atol=1e-5)


@pytest.mark.parametrize("shape", [(9, 7, 1), (16, 14, 3)], ids=str)
def test_patch_kmeans_is_what_its_formula_says(shape: tuple) -> None:
    module, batch = variants.load("extractor", "patch_kmeans"), pile(*shape, count=3)
    patches = module.learn(pile(*shape), str)
    projection = module.project(pile(*shape), patches, str)

    found = run(module.features_graph(shape, patches, projection), batch)

    px, border = patches.px, patches.border
    padded = np.pad(batch.astype(float), ((0, 0), (border, border), (border, border), (0, 0)), mode="edge")
    rows, columns = padded.shape[1] - px + 1, padded.shape[2] - px + 1
    down, across = module.windows(rows), module.windows(columns)
    responses = np.zeros((3, len(patches.learned), down.shape[1], across.shape[1]))
    for y in range(rows):
        for x in range(columns):
            patch = module.normalise(padded[:, y : y + px, x : x + px].reshape(3, -1))
            response = np.maximum(0, (patch - patches.mean) @ patches.whitening @ patches.learned.T - module.THRESHOLD)
            responses += np.einsum("nk,a,b->nkab", response, down[y], across[x])
    values = module.balance(responses.reshape(3, len(patches.learned), -1), projection.floor)
    expected = (values - projection.mean) @ projection.components
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_patch_kmeans_learns_whitened_patches_of_length_1() -> None:
    module = variants.load("extractor", "patch_kmeans")

    patches = module.learn(pile(28, 28, 1), str)

    assert (patches.px, patches.border, patches.learned.shape) == (6, 2, (module.PATCHES, 36))
    np.testing.assert_allclose(np.linalg.norm(patches.learned, axis=1), 1, atol=1e-5)


def test_windows_cover_all_places_and_overlap() -> None:
    windows = variants.load("extractor", "patch_kmeans").windows(27)

    assert windows.shape == (27, 6)
    np.testing.assert_allclose(windows.sum(axis=0), 1)
    np.testing.assert_allclose(windows, windows[::-1, ::-1])
    assert (np.diff(windows.argmax(axis=0)) > 0).all()


@pytest.mark.spark
def test_a_fitted_extractor_sees_the_first_train_and_unlabelled_images_by_the_hash_of_their_ids(
    spark, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extractor_setup, "SAMPLE_IMAGES", 3)
    extractor = extractor_setup.for_dataset("patch_kmeans", 8, "random", {**MIXED, "channels": 1})
    rows = [(f"id{i}", ("train", "test", "unlabeled")[i % 3], encoded(noise(9, 8, 1, seed=i))) for i in range(12)]
    learnt_from = sorted((row for row in rows if row[1] != "test"), key=lambda row: sha256(row[0].encode()).hexdigest())
    columns = "image_id string, split string, content binary"

    one = extractor_setup.sample(extractor, spark.createDataFrame(rows, columns).repartition(1))
    other = extractor_setup.sample(extractor, spark.createDataFrame(rows[::-1], columns).repartition(4))

    expected = [images.fit(images.decode(row[2]), (8, 8), 1) for row in sorted(learnt_from[:3])]
    np.testing.assert_array_equal(one, expected)
    np.testing.assert_array_equal(other, expected)


@pytest.mark.spark
def test_a_fit_is_shared_through_the_cache(spark, messages: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    extractor = extractor_setup.for_dataset(
        "patch_kmeans", None, "random", {**MIXED, "height": 8, "width": 8, "channels": 1}
    )
    rows = [(f"id{i}", "train", encoded(noise(8, 8, 1, seed=i))) for i in range(5)]
    frame = spark.createDataFrame(rows, "image_id string, split string, content binary")

    extractor_setup.fit_to_images(extractor, frame, messages.append)
    content = graph_cache.restored(extractor.graph).read_bytes()
    monkeypatch.setattr(variants.load("extractor", "patch_kmeans"), "fit_graph", lambda *given: pytest.fail("again"))
    extractor_setup.fit_to_images(extractor, frame, messages.append)

    assert graph_cache.restored(extractor.graph).read_bytes() == content
    assert messages[0] == "learning 300 patches of 4 x 4 px from 5 images"
    with pytest.raises(InputError, match="1 to learn from are too few"):
        extractor_setup.sample(extractor, frame.limit(1))


@pytest.mark.tensorflow
def test_a_network_with_random_weights_becomes_a_graph() -> None:
    batch = np.stack([noise(32, 32, seed=seed) for seed in range(2)])

    found = features("mobilenet", batch)

    assert found.shape == (2, 1024)
    assert np.isfinite(found).all()
    assert np.abs(found[0] - found[1]).max() > 0


@pytest.mark.tensorflow
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
