"""A network in int8: like the one that it was made from, the same for any batches, and part of the whole model."""

import numpy as np
import onnx
import pytest

from extracting import MIXED, noises, run
from kindred.features import extractor_setup, graph_cache, onnx_graphs, quantisation
from kindred.features.featurize import Extractor
from kindred.learning import networks, onnx_model
from kindred.runtime import variants
from kindred.runtime.errors import InputError
from pictures import encoded, noise

pytestmark = pytest.mark.slow

NAME = "efficientnet_lite0"
NETWORKS = [name for name in variants.names("extractor") if variants.load("extractor", name).WEIGHTED]


@pytest.fixture(scope="module")
def graph(tmp_path_factory) -> bytes:
    """A small network, uint8 [n, 32, 32, 3] -> [n, 1280]."""
    return variants.load("extractor", NAME).graph((32, 32), 3, "random")


@pytest.fixture(scope="module")
def int8(graph: bytes) -> bytes:
    return quantisation.quantised(graph, noises(32, 32, 3, count=8), 4)


def test_int8_features_are_near_those_of_the_network_and_not_the_same(graph: bytes, int8: bytes) -> None:
    images = noises(32, 32, 3, count=6)

    exact, near = run(graph, images), run(int8, images)

    cosines = (exact * near).sum(1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(near, axis=1)
    assert cosines.min() > 0.95
    assert not np.array_equal(exact, near)
    assert len(int8) < len(graph) / 2


def test_its_convolutions_compute_in_int8(int8: bytes) -> None:
    model = onnx.load_from_string(int8)
    makers = {output: node.op_type for node in model.graph.node for output in node.output}

    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]

    assert len(convolutions) > 10
    assert {makers[name] for node in convolutions for name in node.input[:2]} == {"DequantizeLinear"}
    assert [entry.domain for entry in model.opset_import] == [""]


def test_int8_features_are_the_same_bytes_for_any_size_of_batches(int8: bytes) -> None:
    images = noises(32, 32, 3, count=6)

    alone = np.concatenate([run(int8, images[i : i + 1]) for i in range(6)])

    assert alone.tobytes() == run(int8, images).tobytes()


def test_its_ranges_are_those_of_the_images(graph: bytes, int8: bytes) -> None:
    assert quantisation.quantised(graph, noises(32, 32, 3, count=8) // 2, 4) != int8


def test_an_int8_network_is_part_of_the_whole_model_and_has_regions(int8: bytes) -> None:
    images = noises(32, 32, 3, count=3)
    features = run(int8, images)
    weights = np.random.default_rng(0).normal(0, 0.1 / np.abs(features).max(), (features.shape[1], 2))
    network = networks.Network((networks.Layer(weights, np.zeros(2)),))

    whole = onnx_model.whole_model(int8, network, channels=3)
    regions = onnx_graphs.with_regions(int8)

    np.testing.assert_allclose(run(whole, images), network.probabilities(features), atol=1e-5)
    assert regions is not None
    session = onnx_graphs.session(regions)
    places = session.run([onnx_graphs.REGIONS], {session.get_inputs()[0].name: images})[0]
    np.testing.assert_allclose(places.mean(axis=(1, 2)), features, atol=1e-5)


def test_int8_has_a_fingerprint_of_its_own_and_of_the_images() -> None:
    other = {**MIXED, "dataset": {"name": "any", "digest": "bbbb"}}

    plain = extractor_setup.for_dataset(NAME, 32, "random", MIXED)
    ours, theirs = (
        extractor_setup.for_dataset(NAME, 32, "random", dataset, precision="int8") for dataset in (MIXED, other)
    )

    assert len({plain.fingerprint, ours.fingerprint, theirs.fingerprint}) == 3
    assert (plain.quantised_from, ours.quantised_from) == (None, plain.graph)
    assert plain == extractor_setup.for_dataset(NAME, 32, "random", MIXED, precision="float32")


@pytest.mark.parametrize("name", [name for name in variants.names("extractor") if name not in NETWORKS])
def test_what_is_no_network_refuses_int8_and_names_those_that_are(name: str) -> None:
    with pytest.raises(InputError) as raised:
        extractor_setup.for_dataset(name, 8, "random", MIXED, precision="int8")

    line = f"precision int8 is for networks, and {name} is none; these are: {', '.join(NETWORKS)}"
    assert str(raised.value) == line


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(InputError, match="unknown precision 'int4'; known: float32, int8"):
        extractor_setup.for_dataset(NAME, 32, "random", MIXED, precision="int4")


def test_an_extractor_of_a_run_before_there_was_a_precision_is_one_of_float32() -> None:
    facts = {"name": NAME, "height": 32, "width": 32, "channels": 3, "fingerprint": "", "graph": "a.onnx"}

    assert Extractor.from_facts(facts).quantised_from is None


@pytest.mark.spark
def test_it_is_calibrated_once_by_images_outside_the_test_part(spark, messages: list[str]) -> None:
    extractor = extractor_setup.for_dataset(NAME, 32, "random", MIXED, precision="int8")
    splits = ("train", "unlabeled", "test")
    rows = [(f"id{i}", splits[i % 3], encoded(noise(32, 32, 3, seed=i))) for i in range(9)]
    frame = spark.createDataFrame(rows, "image_id string, split string, content binary")

    extractor_setup.fit_to_images(extractor, frame, messages.append)
    extractor_setup.fit_to_images(extractor, frame, messages.append)

    pixels = np.stack([noise(32, 32, 3, seed=i) for i in range(9) if splits[i % 3] != "test"])
    float32 = graph_cache.path(extractor.quantised_from).read_bytes()
    expected = quantisation.quantised(float32, pixels, extractor.graph_images)
    assert graph_cache.path(extractor.graph).read_bytes() == expected
    assert messages == ["quantises efficientnet_lite0 to int8, once, by 6 train and unlabelled images"]
