"""How an extractor is set up for a dataset: its size, its graph in the cache, what it learns from."""

import inspect
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from extracting import MIXED, facts, noises, session_of
from kindred.data import images
from kindred.features import extractor_setup, graph_cache
from kindred.runtime import variants
from kindred.runtime.errors import InputError
from pictures import encoded, noise

FITTED = [name for name in variants.names("extractor") if hasattr(variants.load("extractor", name), "fit_graph")]


def test_an_extractor_takes_the_size_of_the_dataset_unless_it_or_the_form_has_one() -> None:
    dataset = facts(28, 20, 1)

    own = extractor_setup.for_dataset("hog", None, "random", dataset)
    given = extractor_setup.for_dataset("hog", 40, "random", dataset)
    mixed = extractor_setup.for_dataset("hog", None, "random", MIXED)

    assert (own.height, own.width, own.channels) == (28, 20, 1)
    assert (given.height, given.width, given.channels) == (40, 40, 1)
    assert (mixed.height, mixed.width, mixed.channels) == (extractor_setup.MIXED_SIZE, extractor_setup.MIXED_SIZE, 3)
    assert len({own.fingerprint, given.fingerprint, mixed.fingerprint}) == 3


@pytest.mark.parametrize("name", variants.names("extractor"))
def test_the_fingerprint_covers_each_module_that_an_extractor_imports(name: str) -> None:
    module = variants.load("extractor", name)
    covered = {module, *getattr(module, "CODE", ()), *extractor_setup.CODE}

    imported = [part for part in vars(module).values() if inspect.ismodule(part)]

    assert [part.__name__ for part in imported if part.__name__.startswith("kindred.") and part not in covered] == []


def test_another_file_of_code_makes_another_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    before = extractor_setup.for_dataset("efficientnet_lite0", 32, "random", MIXED).fingerprint
    monkeypatch.setattr(variants.load("extractor", "efficientnet_lite0"), "CODE", ())

    assert extractor_setup.for_dataset("efficientnet_lite0", 32, "random", MIXED).fingerprint != before


def test_two_maps_make_another_extractor_and_one_map_the_same() -> None:
    usual, one, two = (
        extractor_setup.for_dataset("efficientnet_lite0", 32, "random", MIXED, **maps)
        for maps in ({}, {"maps": 1}, {"maps": 2})
    )

    assert one == usual
    assert two.fingerprint != one.fingerprint
    batch = noises(32, 32, 3, count=2)
    assert one.features(list(batch), session=session_of(one)).shape == (2, 1280)
    assert two.features(list(batch), session=session_of(two)).shape == (2, 672 + 1280)


@pytest.mark.parametrize("name", ["hog", "mobilenet", "onnx", "patch_kmeans"])
def test_two_maps_of_an_extractor_with_one_are_refused(name: str) -> None:
    able = "efficientnet_lite0, efficientnet_lite1, efficientnet_lite2, mobilenet_v2, resnet50"

    with pytest.raises(InputError, match=f"the extractor {name} has one map; two have: {able}"):
        extractor_setup.for_dataset(name, 32, "random", MIXED, maps=2)
    with pytest.raises(InputError, match="maps must be 1 or 2, not 3"):
        extractor_setup.for_dataset(name, 32, "random", MIXED, maps=3)


def test_images_larger_than_an_extractor_takes_are_shrunk_to_its_largest_side() -> None:
    dataset = facts(96, 64, 3)

    shrunk = extractor_setup.for_dataset("patch_kmeans", None, "random", dataset)
    given = extractor_setup.for_dataset("patch_kmeans", 96, "random", dataset)
    untouched = extractor_setup.for_dataset("pixels", None, "random", dataset)

    assert [(e.height, e.width) for e in (shrunk, given, untouched)] == [(48, 32), (96, 96), (96, 64)]


def test_a_graph_is_exported_once_and_kept_in_the_cache(monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    first = extractor_setup.for_dataset("pixels", 8, "random", MIXED)
    monkeypatch.setattr(variants.load("extractor", "pixels"), "graph", lambda *arguments: pytest.fail("exported again"))

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


def test_weights_that_do_not_exist_are_refused_before_keras_is_loaded() -> None:
    with pytest.raises(InputError, match="no such weights: '/nowhere.h5'; give imagenet, random or a file"):
        extractor_setup.for_dataset("mobilenet", 32, "/nowhere.h5", MIXED)


@pytest.mark.parametrize("name", FITTED)
def test_a_fitted_extractor_is_named_after_its_dataset_before_it_is_fitted(name: str, data: Path) -> None:
    other = facts(None, None, 3, digest="bbbb")

    graphs = [extractor_setup.for_dataset(name, 8, "random", dataset).graph for dataset in (MIXED, MIXED, other)]

    assert graphs[0] == graphs[1] != graphs[2]
    assert not list((data / "cache").rglob("*.onnx"))


@pytest.mark.spark
def test_a_fitted_extractor_sees_the_first_train_and_unlabelled_images_by_the_hash_of_their_ids(
    spark, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extractor_setup, "SAMPLE_IMAGES", 3)
    extractor = extractor_setup.for_dataset("patch_kmeans", 8, "random", facts(None, None, 1))
    rows = [(f"id{i}", ("train", "test", "unlabeled")[i % 3], encoded(noise(9, 8, 1, seed=i))) for i in range(12)]
    learnt_from = sorted((row for row in rows if row[1] != "test"), key=lambda row: sha256(row[0].encode()).hexdigest())
    columns = "image_id string, split string, content binary"

    one = extractor_setup.sample(extractor, spark.createDataFrame(rows, columns).repartition(1))
    other = extractor_setup.sample(extractor, spark.createDataFrame(rows[::-1], columns).repartition(4))

    expected = [images.fit(images.decode(row[2]), (8, 8), 1) for row in sorted(learnt_from[:3])]
    np.testing.assert_array_equal(one, expected)
    np.testing.assert_array_equal(other, expected)


def test_the_fingerprint_covers_the_limit_of_the_sample_and_how_much_is_learned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module, fingerprints = variants.load("extractor", "rotation"), []
    for name, value in (("SAMPLE_IMAGES", 60_000), ("SAMPLE_IMAGES", 100), ("VIEWS", 0)):
        monkeypatch.setattr(module, name, value)
        fingerprints.append(extractor_setup.for_dataset("rotation", None, "random", facts(8, 8, 1)).fingerprint)

    assert len(set(fingerprints)) == 3


@pytest.mark.spark
def test_an_extractor_may_have_limits_of_its_own(spark, monkeypatch: pytest.MonkeyPatch) -> None:
    extractor = extractor_setup.for_dataset("rotation", None, "random", facts(8, 8, 1))
    rows = [(f"id{i}", "train", encoded(noise(8, 8, 1, seed=i))) for i in range(5)]
    frame = spark.createDataFrame(rows, "image_id string, split string, content binary").repartition(1)
    module = variants.load("extractor", "rotation")
    monkeypatch.setattr(module, "SAMPLE_IMAGES", 4)
    monkeypatch.setattr(module, "MIN_SAMPLE_IMAGES", 4)

    assert len(extractor_setup.sample(extractor, frame)) == 4
    monkeypatch.setattr(module, "MIN_SAMPLE_IMAGES", 6)
    with pytest.raises(InputError, match="rotation learns from 6 or more train or unlabelled images; there are 4"):
        extractor_setup.fit_to_images(extractor, frame, str)


@pytest.mark.spark
def test_a_fit_is_shared_through_the_cache(spark, messages: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    extractor = extractor_setup.for_dataset("patch_kmeans", None, "random", facts(8, 8, 1))
    rows = [(f"id{i}", "train", encoded(noise(8, 8, 1, seed=i))) for i in range(5)]
    frame = spark.createDataFrame(rows, "image_id string, split string, content binary")

    extractor_setup.fit_to_images(extractor, frame, messages.append)
    content = graph_cache.restored(extractor.graph).read_bytes()
    monkeypatch.setattr(
        variants.load("extractor", "patch_kmeans"), "fit_graph", lambda *arguments: pytest.fail("again")
    )
    extractor_setup.fit_to_images(extractor, frame, messages.append)

    assert graph_cache.restored(extractor.graph).read_bytes() == content
    assert messages[0] == "learning 300 patches of 4 x 4 px from 5 images"
    with pytest.raises(InputError, match="learns from 2 or more train or unlabelled images; there are 1"):
        extractor_setup.sample(extractor, frame.limit(1))


@pytest.mark.parametrize(
    ("name", "dataset", "advised"),
    [
        ("pixels", {"height": 96, "width": 96, "channels": 3}, True),
        ("hog", {"height": 96, "width": 96, "channels": 3}, True),
        ("pixels", MIXED, True),
        ("pixels", {"height": 48, "width": 48, "channels": 3}, False),
        ("pixels", {"height": 96, "width": 96, "channels": 1}, False),
    ],
)
def test_for_photographs_a_pretrained_network_is_advised(name: str, dataset: dict, advised: bool, messages) -> None:
    facts = {"channels": 3, **dataset, "dataset": {"name": "any", "digest": "0"}}

    extractor_setup.for_dataset(name, 8, "random", facts, messages.append)

    assert [line for line in messages if "efficientnet_lite2" in line] == messages
    assert len(messages) == advised
