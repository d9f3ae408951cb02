"""What comes after a run with several labels an image: its index, the labels of new images, serving."""

import csv
import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from bench import job_module, run_stage

import bundles
from kindred.data import images
from kindred.features import onnx_graphs
from kindred.features.featurize import Extractor
from kindred.learning import prediction_tables
from kindred.learning.networks import Layer, Network
from kindred.runtime import arrow, file_names, job, label_sets, model_registry, runs, storage, tables
from kindred.runtime.errors import InputError
from kindred.runtime.run_reader import RunReader
from kindred.runtime.stage import Stage
from kindred.search import image_index, spark_index
from kindred.search.gallery import Filter
from kindred.serving import champion, publishing

pytestmark = pytest.mark.spark

CLASSES = ["red", "green", "blue"]
# Of a class 0.75 where its colour is there, else 0.25; of sets therefore 0.75 ^ 3.
NETWORK = Network((Layer(np.eye(3) * 2 * np.log(3), np.full(3, -np.log(3))),), thresholds=(0.5, 0.5, 0.5))
EXTRACTOR = Extractor("pixels", *bundles.SIZE, 3, "test", file_names.EXTRACTOR)
MIXED = range(8)
SPLITS = ["train"] * 3 + ["unlabeled"] * 3 + ["test"] * 2
# (image, class) -> whether it is there; what is not listed is not known.
GIVEN = {(1, "red"): True, (1, "green"): False, (2, "red"): False, (0, "red"): False, (0, "blue"): False}


def picture(number: int) -> np.ndarray:
    """One of the eight colours that have each channel in full or not at all."""
    pixels = np.zeros((*bundles.SIZE, 3), np.uint8)
    pixels[:, :, bundles.mixture(number)] = 255
    return pixels


IDS = [images.image_id(picture(number)) for number in MIXED]
JOINED = [label_sets.joined(CLASSES[one] for one in bundles.mixture(number)) for number in MIXED]


def ingest(s: Stage) -> str:
    rows = [
        {"image_id": IDS[i], "split": SPLITS[i], "origin": f"file:///{i}.png", "content": images.encode(picture(i))}
        for i in MIXED
    ]
    size = {"height": bundles.SIZE[0], "width": bundles.SIZE[1], "channels": 3}
    s.write_rows("images", pa.Table.from_pylist([{**row, **size} for row in rows], arrow.schema("images")))
    truth = [
        {"image_id": IDS[i], "label": name, "present": name in label_sets.split(JOINED[i])}
        for i in MIXED
        for name in CLASSES
    ]
    s.write_rows("truth", pa.Table.from_pylist(truth))
    s.figures = {f"ingest/{split}": SPLITS.count(split) for split in tables.SPLITS}
    s.facts = {"classes": CLASSES, "task": "multi_label", "channels": 3, "dataset": {"name": "colours"}}
    return "eight colours"


def featurize(s: Stage) -> str:
    s.arguments = {"extractor": "pixels", "weights": "imagenet"}
    graph = bundles.colour_graph()
    s.put_file(file_names.EXTRACTOR, graph)
    features = onnx_graphs.session(graph).run(None, {"images": np.stack([picture(i) for i in MIXED])})[0]
    s.write_rows("features", pa.table({"image_id": IDS, "split": SPLITS, "features": arrow.lists(features)}))
    s.facts = asdict(EXTRACTOR)
    return "colours"


def choose_labels(s: Stage) -> str:
    rows = [
        {"image_id": IDS[i], "label": name, "present": present, "confidence": 1.0, "source": "given"}
        for (i, name), present in GIVEN.items()
    ]
    s.write_rows("labels", pa.Table.from_pylist(rows, arrow.schema("labels")))
    return "some pairs"


def gate(s: Stage) -> str:
    rows = prediction_tables.predicted_rows(s.rows("features"), NETWORK, CLASSES)
    s.write_rows("predictions_final", rows)
    s.facts = {"chosen": "base", "model": job_module("gate")._model(s, NETWORK, CLASSES)}
    return "base"


def report(s: Stage) -> str:
    s.put_file(file_names.REPORT, b"<html>")
    return "a page"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, spark: object) -> Iterator[str]:
    """A run up to its index, its first and last stages made up."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KINDRED_DATA", str(tmp_path_factory.mktemp("colours")))
        folder = runs.run_folder("self_training", "colours")
        storage.put_json(storage.join(folder, file_names.RUN), {"params": {}})
        for stage in (ingest, featurize, choose_labels, gate):
            job.execute(stage, None, Stage(stage.__name__, folder, {}), time.time())
        run_stage("build_index", folder)
        job.execute(report, None, Stage("report", folder, {}), time.time())
        yield folder


@pytest.fixture(autouse=True)
def _data(run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINDRED_DATA", storage.local(run.rsplit("/", 3)[0]))


def test_the_gallery_has_each_image_once_with_its_given_and_its_predicted_labels(run: str) -> None:
    index, reader = image_index.open_index(run), RunReader(run, "evaluate")

    held = index.images(sorted(IDS[:6]))
    (answer,) = index.search(index.images([IDS[1]]), 6, "l2", itself=True)

    assert index.ids() == sorted(IDS[:6])
    assert dict(zip(held.ids or [], held.labels or [], strict=True)) == {
        **dict.fromkeys(IDS[:6]),
        **{IDS[0]: "(none)", IDS[1]: "red", IDS[2]: "(none)"},
    }
    assert {near.image_id: near.prediction for near in answer.neighbours} == dict(zip(IDS[:6], JOINED, strict=False))
    assert {near.confidence for near in answer.neighbours} == {0.75**3}
    assert index.ids(Filter(classes=["red", "green"], all_classes=True)) == [IDS[3]]
    table = {row["image_id"]: row["prediction"] for row in reader.rows("predictions_final").to_pylist()}
    assert table == dict(zip(IDS, JOINED, strict=True))


def test_the_queries_in_spark_find_what_one_process_finds(run: str) -> None:
    run_stage("search", run, split="test", distance="l2", k=3, farthest=False)

    rows = RunReader(run, "evaluate").rows("neighbours").to_pylist()
    index = image_index.open_index(run)
    answers = index.search(champion.bundle_of_run(run).queries.images(IDS[6:]), 3, "l2")
    assert {(row["query_id"], row["rank"]): (row["image_id"], row["prediction"], row["label"]) for row in rows} == {
        (answer.image_id, rank): (near.image_id, near.prediction, near.label)
        for answer in answers
        for rank, near in enumerate(answer.neighbours, 1)
    }


def test_given_labels_are_joined_as_python_does(spark: object) -> None:
    rows = [
        ("a", "b", True),
        ("a", "Z", True),
        ("a", "é", False),
        ("a", "ä", True),
        ("b", "b", False),
        ("c", "x|y", True),
    ]
    frame = spark.createDataFrame(rows, "image_id string, label string, present boolean")  # type: ignore[attr-defined]

    joined = {row.image_id: row.label for row in spark_index.joined_labels(frame).collect()}

    assert joined == {"a": label_sets.joined(["b", "Z", "ä"]), "b": label_sets.NONE, "c": "x|y"}


def test_a_picture_is_seen_as_the_gallery_was(run: str) -> None:
    bundle = champion.bundle_of_run(run)

    query = bundle.query(picture(3))
    upload = bundle.query(np.full((*bundles.SIZE, 3), 255, np.uint8))

    assert query.vectors("probabilities")[0] == pytest.approx([0.75, 0.75, 0.25])
    (answer,) = bundle.gallery.search(upload, 1, "l2")
    assert (answer.prediction, answer.image_id) == ("blue|green|red", IDS[7])


def test_new_images_get_sets_of_labels(run: str, tmp_path: Path) -> None:
    for number in MIXED:
        (tmp_path / f"{number}.png").write_bytes(images.encode(picture(number)))
    stage = Stage("predict", f"file://{tmp_path}/run", {})

    job_module("predict").main(stage, run=run, images=str(tmp_path))

    rows = list(csv.DictReader((tmp_path / "run" / file_names.PREDICTIONS).read_text().splitlines()))
    assert [row["label"] for row in rows] == JOINED
    assert {float(row["confidence"]) for row in rows} == {round(0.75**3, 7)}
    assert {row["none_of_these"] for row in rows} == {""}
    assert json.loads(rows[3]["probabilities"]) == {"red": 0.75, "green": 0.75, "blue": 0.25}


def test_the_run_is_promoted_and_published(
    run: str, bucket: str, monkeypatch: pytest.MonkeyPatch, messages: list[str]
) -> None:
    monkeypatch.setattr(model_registry, "version_of", lambda folder: "1")
    monkeypatch.setattr(model_registry, "set_champion", lambda version, tags, description: None)

    champion.promote(run)
    there = publishing.publish(run, f"{bucket}/served", messages.append)

    for found in (champion.ChampionFollower().current(), champion.bundle_of_run(there)):
        assert found.gallery.thresholds == list(NETWORK.thresholds or ())
        assert found.gallery.ids(Filter(classes=["blue"])) == sorted(IDS[4:6])
        assert found.image(IDS[1]).labels == ["red"]
    model = RunReader(there, "serve").file("gate", file_names.MODEL)
    about = onnx_graphs.session(model).get_modelmeta().custom_metadata_map
    assert (about["task"], about["thresholds"]) == ("multi_label", "[0.5, 0.5, 0.5]")


def test_an_attack_is_refused(run: str) -> None:
    arguments = {"attacks": ["simba_l2"], "attack_images": None, "attack_queries": None, "seed": 0}

    with pytest.raises(InputError, match=r"^attacks are for one label an image; run again without the box attack$"):
        run_stage("attack", run, **arguments, attack_epsilon_l2=None, attack_epsilon_linf=None)
