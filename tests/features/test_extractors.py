"""What every extractor promises."""

import numpy as np
import pytest

from extracting import features, graph_inputs, noises, noises_for, run
from kindred.learning import networks, onnx_model
from kindred.runtime import variants
from pictures import noise

NAMES = variants.names("extractor")
UNWEIGHTED = [name for name in NAMES if not variants.load("extractor", name).WEIGHTED]
BY_EPOCHS = [name for name in NAMES if hasattr(variants.load("extractor", name), "VIEWS")]


def marked(names: list[str]) -> list:
    """Names as parameters; those that learn by epochs take Keras, and seconds."""
    marks = pytest.mark.tensorflow, pytest.mark.long
    return [pytest.param(name, marks=marks if name in BY_EPOCHS else ()) for name in names]


FITTED_NAMES = [name for name in NAMES if hasattr(variants.load("extractor", name), "fit_graph")]
FITTED = marked(FITTED_NAMES)
ONE_GRAPH = marked([name for name in FITTED_NAMES if not hasattr(variants.load("extractor", name), "local_features")])


@pytest.fixture(autouse=True)
def _few_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in BY_EPOCHS:
        monkeypatch.setattr(variants.load("extractor", name), "VIEWS", 80)


@pytest.mark.parametrize("name", NAMES)
def test_each_extractor_states_its_size_channels_weights_and_one_way_to_features(name: str) -> None:
    module = variants.load("extractor", name)

    assert module.IMAGE_SIZE is None or module.IMAGE_SIZE > 0
    assert module.CHANNELS in (None, 1, 3)
    assert module.WEIGHTED in (True, False)
    assert sum(hasattr(module, way) for way in ("graph", "fit_graph", "features", "network")) == 1
    assert hasattr(module, "fit_graph") or not hasattr(module, "local_features")
    assert module.__doc__


@pytest.mark.parametrize("name", marked(UNWEIGHTED))
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


@pytest.mark.parametrize("name", FITTED)
def test_a_fitted_extractor_gives_the_same_graph_for_the_same_images_on_any_number_of_cores(name: str) -> None:
    from threadpoolctl import threadpool_limits

    sample, module = noises_for(name, 12, 12, 1), variants.load("extractor", name)

    with threadpool_limits(1):
        one = module.fit_graph(sample, str)
    with threadpool_limits(2):
        two = module.fit_graph(sample, str)

    assert one == two
    assert one != module.fit_graph(sample[1:], str)


@pytest.mark.parametrize("name", FITTED)
def test_a_fitted_extractor_gives_features_of_images_of_one_colour(name: str) -> None:
    module, noisy = variants.load("extractor", name), noises_for(name, 12, 12, 1)
    black = np.zeros_like(noisy[:4])

    fitted_to_noise = run(module.fit_graph(noisy, str), graph_inputs(name, black))
    fitted_to_black = run(module.fit_graph(black, str), graph_inputs(name, np.concatenate([black, noisy])))

    assert np.isfinite(fitted_to_noise).all()
    assert np.isfinite(fitted_to_black).all()


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 5, 3), (6, 6, 1)], ids=str)
@pytest.mark.parametrize("name", FITTED)
def test_a_fitted_extractor_takes_the_smallest_images(name: str, shape: tuple) -> None:
    rows = features(name, noises(*shape, count=3))

    assert rows.shape[0] == 3
    assert np.isfinite(rows).all()


@pytest.mark.parametrize("name", ONE_GRAPH)
def test_a_fitted_extractor_is_part_of_the_whole_graph(name: str) -> None:
    images = noises_for(name, 12, 12, 3)
    batch, extractor = images[:4], variants.load("extractor", name).fit_graph(images, str)
    rows = run(extractor, batch)
    weights = np.random.default_rng(0).normal(0, 0.1 / np.abs(rows).max(), (rows.shape[1], 3))
    network = networks.Network((networks.Layer(weights, np.zeros(3)),))

    probabilities = run(onnx_model.whole_model(extractor, network, images.shape[3]), batch)

    np.testing.assert_allclose(probabilities, network.probabilities(rows), atol=1e-5)


def test_pixels_are_the_values_over_255() -> None:
    batch = noise(4, 3, 1)[None]

    np.testing.assert_allclose(features("pixels", batch), batch.reshape(1, -1) / 255, atol=1e-7)
