"""The whole way from decoded pixels to probabilities in one graph."""

import re
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from extracting import run
from kindred.data import images
from kindred.features import onnx_graphs
from kindred.features.featurize import Extractor
from kindred.learning import onnx_model
from kindred.learning.networks import Layer, Network
from pictures import encoded, noise, smooth


def network(inputs: int, *hidden: int, activation: str = "relu") -> Network:
    """A network over that many features whose probabilities are neither all alike nor all 0 or 1."""
    rng, layers = np.random.default_rng(0), []
    for outputs in (*hidden, 3):
        scale = 2 / np.sqrt(inputs)
        layers.append(Layer(rng.normal(0, scale, (inputs, outputs)), rng.normal(size=outputs), activation))
        inputs = outputs
    return Network((*layers[:-1], Layer(layers[-1].weights, layers[-1].bias)))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_the_whole_graph_is_the_extractor_and_the_network(channels: int, activation: str) -> None:
    extractor, head = onnx_graphs.scaled_pixels((8, 6), channels), network(48 * channels, 5, activation=activation)
    batch = np.stack([noise(channels=channels, seed=seed) for seed in range(4)])

    probabilities = run(onnx_model.whole_model(extractor, head, channels), batch)

    np.testing.assert_allclose(probabilities, head.probabilities(run(extractor, batch)), atol=1e-5)


def test_an_extractor_may_use_the_names_of_the_other_parts() -> None:
    nodes = [
        helper.make_node("Cast", ["images"], ["resized"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["resized", "size"], ["dense0"]),
        helper.make_node("Flatten", ["dense0"], ["probabilities"], axis=1),
    ]
    extractor = onnx_graphs.extractor_graph(nodes, (4, 3, 1), ("probabilities", [12]), {"size": np.float32(255)})
    batch = np.stack([noise(4, 3, channels=1, seed=seed) for seed in range(4)])

    probabilities = run(onnx_model.whole_model(extractor, network(12), 1), batch)

    np.testing.assert_allclose(probabilities, network(12).probabilities(run(extractor, batch)), atol=1e-5)


@pytest.mark.parametrize("size", [(32, 24), (17, 40), (5, 4)], ids=["shrink", "shrink and stretch", "grow"])
def test_the_whole_graph_resizes_as_the_extractor_does(size: tuple[int, int]) -> None:
    extractor, head = onnx_graphs.scaled_pixels((8, 6), 3), network(144, 5)
    pixels = smooth(*size, 3)

    probabilities = run(onnx_model.whole_model(extractor, head, 3), pixels[None])

    fitted = images.fit(pixels, (8, 6), 3)[None]
    np.testing.assert_allclose(probabilities, head.probabilities(run(extractor, fitted)), atol=5e-3)


def test_the_whole_graph_averages_what_it_shrinks() -> None:
    stripes = np.zeros((64, 64, 1), np.uint8)
    stripes[:, ::8] = 200  # one column in eight
    extractor, head = onnx_graphs.scaled_pixels((8, 8), 1), network(64)

    probabilities = run(onnx_model.whole_model(extractor, head, 1), stripes[None])

    fitted = images.fit(stripes, (8, 8), 1)[None]
    assert fitted.mean() == pytest.approx(200 / 8, abs=2)
    np.testing.assert_allclose(probabilities, head.probabilities(run(extractor, fitted)), atol=1e-5)


def test_the_whole_graph_takes_grey_images_where_the_extractor_wants_three_channels() -> None:
    extractor, head = onnx_graphs.scaled_pixels((8, 6), 3), network(144)
    grey = noise(channels=1)

    probabilities = run(onnx_model.whole_model(extractor, head, 1), grey[None])

    np.testing.assert_allclose(
        probabilities, head.probabilities(run(extractor, np.repeat(grey, 3, axis=2)[None])), atol=1e-5
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_the_model_says_what_it_takes_and_gives_and_is_used_as_the_docs_say(
    channels: int, tmp_path, monkeypatch
) -> None:
    graph, head = onnx_graphs.scaled_pixels((8, 6), channels), network(48 * channels)
    extractor = Extractor("pixels", height=8, width=6, channels=channels, fingerprint="", graph="extractor.onnx")
    plain, classes = onnx_model.whole_model(graph, head, channels), ["cat", "dög", "eel"]
    model, again = (onnx_model.described(plain, classes, extractor, channels, "first") for _ in range(2))
    picture = noise(8, 6, channels)
    (tmp_path / "model.onnx").write_bytes(model)
    (tmp_path / "cat.jpg").write_bytes(encoded(picture))
    (printed,) = _printed("onnxruntime")
    monkeypatch.chdir(tmp_path)

    found: dict = {}
    exec(printed, found)

    assert model == again
    assert found["label"] == classes[int(run(plain, picture[None])[0].argmax())]
    np.testing.assert_array_equal(found["probabilities"], run(plain, picture[None])[0])
    about = {name: found["about"][name] for name in ("image_size", "channels", "extractor", "run")}
    assert about == {"image_size": "[8, 6]", "channels": str(channels), "extractor": "pixels", "run": "first"}
    assert not {"task", "thresholds"} & set(found["about"])


def test_a_model_of_several_labels_gives_each_class_by_itself_with_its_threshold(tmp_path, monkeypatch) -> None:
    graph = onnx_graphs.scaled_pixels((2, 2), 1)
    weights, bias = np.zeros((4, 3)), np.log([3, 1, 1 / 3])
    head = Network((Layer(weights, bias),), thresholds=(0.7, 0.6, 0.2))
    extractor = Extractor("pixels", height=2, width=2, channels=1, fingerprint="", graph="extractor.onnx")
    whole = onnx_model.whole_model(graph, head, 1)
    model = onnx_model.described(whole, ["sea", "sky", "tree"], extractor, 1, "first", head.thresholds)
    (tmp_path / "model.onnx").write_bytes(model)
    (tmp_path / "cat.jpg").write_bytes(encoded(noise(8, 6, 1)))
    monkeypatch.chdir(tmp_path)

    found: dict = {}
    for block in _printed("onnxruntime", '["thresholds"]'):
        exec(block, found)

    np.testing.assert_allclose(found["probabilities"], [0.75, 0.5, 0.25], atol=1e-6)
    assert found["labels"] == ["sea", "tree"]
    assert (found["about"]["task"], found["about"]["thresholds"]) == ("multi_label", "[0.7, 0.6, 0.2]")
    hidden = Network((*network(4, 5).layers,), thresholds=(0.5,) * 3)
    black = np.zeros((1, 2, 2, 1), np.uint8)
    given = run(onnx_model.whole_model(graph, hidden, 1), black)
    np.testing.assert_allclose(given, hidden.probabilities(np.zeros((1, 4))), atol=1e-6)


def _printed(*words: str) -> list[str]:
    """The example in docs/results.md with each of these words."""
    page = (Path(__file__).parents[2] / "docs" / "results.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    return [next(block for block in blocks if word in block) for word in words]
