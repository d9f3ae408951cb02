"""The network that learns by a pretext task: its training in Keras, and what becomes of it in ONNX."""

import numpy as np
import pytest

from extracting import noises, run
from kindred.features import conv_blocks, keras_setup, pretext, training_curves
from kindred.runtime import variants
from pictures import scene

pytestmark = pytest.mark.tensorflow

TASKS = [name for name in variants.names("extractor") if hasattr(variants.load("extractor", name), "VIEWS")]
EPOCHS = 40


def image(seed: int) -> np.ndarray:
    """A picture of its own, uint8 [12, 9, 3], in which each part also shows where it is."""
    rows, columns = np.arange(12)[:, None, None], np.arange(9)[None, :, None]
    own = np.dstack([scene(3 * seed + channel, 12) for channel in range(3)])[:, :9]
    return (own // 4 + 80 + 80 * np.sin(rows * columns / 12)).astype(np.uint8)


IMAGES = np.stack([image(seed) for seed in range(40)])


@pytest.fixture(scope="module")
def fitted() -> dict[str, tuple[bytes, list[str]]]:
    """By task a graph after EPOCHS, and the lines of progress."""
    graphs = {}
    for name in TASKS:
        messages: list[str] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(variants.load("extractor", name), "VIEWS", EPOCHS * len(IMAGES))
            graphs[name] = variants.load("extractor", name).fit_graph(IMAGES, messages.append), messages
    return graphs


@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_learned_and_its_curves_are_in_the_graph(name: str, fitted: dict) -> None:
    graph, messages = fitted[name]

    curves = training_curves.curves_of(graph)

    assert [len(values) for values in curves.values()] == [EPOCHS, EPOCHS]
    assert np.mean(curves["loss"][-3:]) < np.mean(curves["loss"][:3]) - 0.1
    assert messages[0] == "a small network learns from 40 images of 12 x 9 px"
    assert messages[1].startswith(f"... epoch 1 of {EPOCHS}: loss ")
    last = f"loss {curves['loss'][-1]:.3f}, accuracy {curves['accuracy'][-1]:.1%}"
    assert messages[-1] == f"... epoch {EPOCHS} of {EPOCHS}: {last}"


def test_the_same_images_give_the_same_bytes(fitted: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    module = variants.load("extractor", "rotation")
    monkeypatch.setattr(module, "VIEWS", EPOCHS * len(IMAGES))

    assert module.fit_graph(IMAGES, str) == fitted["rotation"][0]


def test_what_is_learned_changes_the_features(fitted: dict) -> None:
    features = [run(graph, IMAGES) for graph, _ in fitted.values()]

    assert [rows.shape for rows in features] == [(40, 9 * 128)] * 3
    assert all(np.abs(one - other).max() > 0.1 for one, other in zip(features, features[1:], strict=False))
    assert all(len(np.unique(rows, axis=0)) == 40 for rows in features)


@pytest.mark.parametrize("shape", [(8, 8, 1), (13, 28, 3)], ids=str)
def test_the_graph_computes_what_the_blocks_do(shape: tuple) -> None:
    keras, images = keras_setup.keras(), noises(*shape, count=3)
    blocks, layers = conv_blocks.keras_blocks(keras, shape[2], pretext.WIDTHS, pretext.POOLED_BLOCKS)
    rng = np.random.default_rng(0)
    for layer in layers:
        layer.set_weights([rng.normal(0, 0.1, values.shape) for values in layer.get_weights()])

    rows = run(pretext.features_graph(shape, conv_blocks.of_layers(layers)), images)

    maps = np.asarray(blocks(pretext.standardised(images), training=False))
    cells = np.einsum("nyxc,ya,xb->ncab", maps, pretext.grid(maps.shape[1]), pretext.grid(maps.shape[2]))
    np.testing.assert_allclose(rows, cells.reshape(3, -1), rtol=1e-4, atol=1e-4)
