"""The stages of self-training one after the other, on a few digits, in one Spark session."""

import csv
import logging
import re
import shutil
from collections.abc import Iterator
from typing import Any

import pyarrow.dataset as ds
import pytest
from bench import job_module, run_stage

import extracting
import onnx_samples
from kindred.data import images
from kindred.evaluation.attacks import spark_attacks
from kindred.features import extractor_choice, onnx_graphs
from kindred.report import comparison_page
from kindred.runtime import file_names, marks, runs, storage, variants
from kindred.runtime.errors import InputError
from kindred.runtime.run_reader import RunReader
from kindred.runtime.stage import Stage
from kindred.search import image_index
from kindred.search.gallery import Filter
from kindred.search.shards import Images
from kindred.serving import champion

pytestmark = pytest.mark.spark

LABELS = {"labels_per_class": None, "labels": 60, "label_choice": "random", "stratified": True, "seed": 0}
IMAGENET = {"image_size": None, "weights": "imagenet", "preprocessing": "", "output": "", "precision": "float32"}
TRAIN = {"classifier": "logistic_regression", "folds": 3, "seed": 0}
PSEUDO = {
    **{"labeller": "consensus", "threshold": None, "class_thresholds": "fixed", "percentile": 100.0},
    **{"clusters": None, "novelty": True, "seed": 0},
}


@pytest.fixture(scope="module")
def labelled(tmp_path_factory, spark) -> Iterator[str]:
    """A run up to its base model."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KINDRED_DATA", str(tmp_path_factory.mktemp("jobs")))
        yield prepared(runs.run_folder("tests", "jobs"))


def prepared(run: str) -> str:
    run_stage("ingest", run, dataset="digits", path=None, limit=500, leaks="drop")
    run_stage("featurize", run, extractor="pixels", **IMAGENET)
    run_stage("choose_labels", run, **LABELS)
    run_stage("train_base", run, **TRAIN)
    return run


def finish(run: str, gate: str, **pseudo) -> dict[str, float]:
    """The other stages but the report; all figures."""
    stage_marks = [
        run_stage("pseudo_label", run, **{**PSEUDO, **pseudo}),
        run_stage("train_final", run, **TRAIN),
        run_stage("gate", run, gate=gate),
        run_stage("build_index", run),
        run_stage("evaluate", run),
    ]
    return {name: value for mark in stage_marks for name, value in mark["figures"].items()}


def probabilities(run: str, model: str) -> list:
    rows = RunReader(run, "evaluate").rows(f"predictions_{model}").sort_by([("image_id", "ascending")])
    return rows["probabilities"].to_pylist()


def test_every_labeller_ends_in_a_candidate_and_the_gate_takes_it_or_base(labelled) -> None:
    taken = finish(labelled, "off")

    assert probabilities(labelled, "final") == probabilities(labelled, "candidate") != probabilities(labelled, "base")
    assert taken["final/test/accuracy"] == taken["candidate/test/accuracy"]
    assert taken["pseudo/count"] + taken["pseudo/novel"] == taken["pseudo/unlabelled"]
    assert taken["pseudo/precision"] > 0.8
    assert 0.8 < taken["search/cosine/precision_at_8"] <= taken["search/cosine/top_10_accuracy"] <= 1
    assert taken["search/gallery"] == taken["pseudo/unlabelled"]
    low, high = (taken[f"pseudo/estimated_precision_{end}"] for end in ("low", "high"))
    assert low - 0.05 < taken["pseudo/precision"] < high + 0.05

    refused = finish(labelled, "must_gain", labeller="clusters", percentile=20.0, clusters=5)

    assert refused["gate/accepted"] == 0
    assert probabilities(labelled, "final") == probabilities(labelled, "base")
    assert refused["final/test/accuracy"] == refused["base/test/accuracy"]
    assert "candidate/test/accuracy" in refused
    assert 0 < refused["pseudo/coverage"] < 0.5


def test_features_of_auto_are_those_of_the_extractor_that_it_takes(labelled, caplog) -> None:
    named = marks.mark_of(storage.join(labelled, "featurize"))

    with caplog.at_level("INFO", "kindred"):
        automatic = run_stage("featurize", labelled, extractor="auto", **IMAGENET)

    assert automatic["attempt"] == named["attempt"]
    assert automatic["arguments"] == {"extractor": "pixels", "image_size": None, "weights": "imagenet"}
    assert "auto takes pixels, which is enough for the example" in caplog.text


def test_a_run_goes_on_with_what_auto_has_taken(labelled, monkeypatch) -> None:
    job = job_module("featurize")
    arguments = {"extractor": "auto", **IMAGENET}
    monkeypatch.setattr(extractor_choice, "choose", lambda *of: extractor_choice.Choice("hog", "on this machine"))

    first = Stage("featurize", labelled, arguments)
    job.home(first, **arguments)
    record = {"params": {"extractor": "auto"}, "resolved": {"extractor": "pixels"}}
    storage.put_json(storage.join(labelled, "run.json"), record)
    again = Stage("featurize", labelled, arguments)
    job.home(again, **arguments)
    storage.delete(storage.join(labelled, "run.json"))

    assert first.arguments["extractor"] == "hog"
    assert again.arguments["extractor"] == "pixels"


def test_auto_measures_images_that_an_earlier_version_has_read(labelled, monkeypatch) -> None:
    facts = RunReader(labelled, "featurize").facts_of("ingest")
    seen = {}
    monkeypatch.setattr(Stage, "facts_of", lambda *of: {k: v for k, v in facts.items() if k != "median_longer_side"})
    monkeypatch.setattr(
        extractor_choice, "choose", lambda facts, *of: seen.update(facts) or extractor_choice.Choice("", "")
    )

    job_module("featurize").choose(Stage("featurize", labelled, {}))

    assert seen == facts
    assert seen["median_longer_side"] == 8


def test_finished_runs_are_put_side_by_side(labelled) -> None:
    """A run and its copy: a mark names its tables by URI, so the folder is enough."""
    finish(labelled, "off")
    twin = f"{labelled}-twin"
    shutil.copytree(storage.local(labelled), storage.local(twin), dirs_exist_ok=True)
    for folder, seed in ((labelled, 0), (twin, 1)):
        storage.put_json(storage.join(folder, "run.json"), {"params": {"dataset": "digits", "seed": seed}})

    page = comparison_page.compare([labelled, twin])

    assert page.headline == "Against jobs, on the same test images, no difference shown: jobs-twin."
    assert "The runs differ in seed." in page.html.decode()
    assert len(page.csv.decode().splitlines()) == 3


def test_the_report_is_a_page_with_its_plots_and_tables_beside_a_list_of_all_images(labelled) -> None:
    finish(labelled, "off", threshold=0.9)
    run_stage("report", labelled, projection="pca")

    mark = marks.mark_of(storage.join(labelled, "report"))
    content = RunReader(labelled, "evaluate").file("report", "report.html").decode()
    assert {"report.html", "verdict-scores.csv", "mistakes-confusion-counts.svg"} <= set(mark["reports"])
    assert mark["facts"]["page"] == "report.html"
    assert mark["inputs"]["attack"] is None
    assert "No attack was run." in content
    assert "Learning curve of base" in content
    assert content.count("data-at=") > 100
    assert re.search(r'<section id="mistakes".*?<summary title="digits#\d+">digits#\d+</summary>', content, re.DOTALL)
    check_lists(labelled)


def test_the_report_of_many_images_is_made_by_spark_and_says_the_same(labelled, monkeypatch) -> None:
    finish(labelled, "off", threshold=0.9)
    here = reported(labelled)
    monkeypatch.setattr(RunReader, "size_of", lambda self, name: 2**40)

    in_spark = reported(labelled)

    assert here["mark"]["application"] is None
    assert in_spark["mark"]["application"]
    assert in_spark["figures"] == here["figures"]
    assert in_spark["files"] == here["files"]


def test_training_on_many_images_predicts_in_spark_and_says_the_same(labelled, monkeypatch) -> None:
    here = trained(labelled)
    monkeypatch.setattr(RunReader, "size_of", lambda self, name: 2**40)

    in_spark = trained(labelled)

    assert here["application"] is None
    assert in_spark["application"]
    assert in_spark["figures"] == here["figures"]
    assert in_spark["predictions"] == here["predictions"]


def trained(run: str) -> dict[str, Any]:
    """Of the base model, made anew: its Spark application, its figures but its time, and its predictions."""
    storage.delete(storage.join(run, "train_base", file_names.MARK))
    mark = run_stage("train_base", run, **TRAIN)
    predictions = (
        RunReader(run, "evaluate").rows("predictions_base").sort_by([("image_id", "ascending"), ("split", "ascending")])
    )
    figures = {name: value for name, value in mark["figures"].items() if name != "train_base/seconds"}
    return {"application": mark["application"], "figures": figures, "predictions": predictions.to_pylist()}


def reported(run: str) -> dict[str, dict]:
    """The mark of the report, made anew, its figures but its time, its files and the list of all images, by name."""
    storage.delete(storage.join(run, "report", file_names.MARK))
    mark = run_stage("report", run, projection="pca")
    reader = RunReader(run, "evaluate")
    files = {name: reader.file("report", name) for name in mark["reports"] if name != file_names.REPORT}
    files["list"] = storage.read_bytes(storage.join(run, file_names.PREDICTIONS))
    figures = {name: value for name, value in mark["figures"].items() if name != "report/seconds"}
    return {"mark": mark, "figures": figures, "files": files}


def check_lists(labelled: str) -> None:
    """All images are listed with their files, labels and predictions."""
    content = storage.read_bytes(storage.join(labelled, file_names.PREDICTIONS)).decode()
    rows = {row["image_id"]: row for row in csv.DictReader(content.splitlines())}
    reader = RunReader(labelled, "evaluate")
    images_table = reader.rows("images", ["image_id", "origin"]).to_pylist()
    assert {image_id: row["origin"] for image_id, row in rows.items()} == {
        row["image_id"]: row["origin"] for row in images_table
    }
    assert [row["origin"] for row in rows.values()] == sorted(row["origin"] for row in rows.values())
    columns = {"labels": "given_label", "pseudo_labels": "pseudo_label", "predictions_final": "prediction"}
    for table, column in columns.items():
        name = "prediction" if column == "prediction" else "label"
        expected = {row["image_id"]: row[name] for row in reader.rows(table).to_pylist()}
        assert {image_id: row[column] for image_id, row in rows.items() if row[column]} == expected
    refused = {row["image_id"] for row in reader.rows("refused").to_pylist()}
    assert {image_id for image_id, row in rows.items() if row["refused"]} == refused != set()
    assert storage.read_bytes(storage.join(labelled, file_names.REJECTED)) == b"origin,split,reason\r\n"


def test_the_index_holds_all_images_but_test_ones_as_final_sees_them(labelled) -> None:
    figures = finish(labelled, "off")

    index = image_index.open_index(labelled)

    reader = RunReader(labelled, "evaluate")
    given = {row["image_id"]: row["label"] for row in reader.rows("labels").to_pylist()}
    origins = {row["image_id"]: row["origin"] for row in reader.rows("images", ["image_id", "origin"]).to_pylist()}
    rows = {row["image_id"]: row for row in reader.rows("predictions_final").to_pylist() if row["split"] != "test"}
    assert index.ids() == sorted(rows)
    assert index.ids(Filter(labelled=True)) == sorted(given)
    assert figures["build_index/images"] == len(rows)
    assert figures["search/gallery"] == len(rows) - len(given)  # a given label is no find
    held = index.images(index.ids())
    assert held.splits == [rows[image_id]["split"] for image_id in held.ids]
    assert held.labels == [given.get(image_id) for image_id in held.ids]
    assert held.origins == [origins[image_id] for image_id in held.ids]
    some = index.ids()[:9]
    for answer in index.search(index.images(some), 3, "kullback_leibler"):
        assert answer.prediction == rows[answer.image_id]["prediction"]
        for found in answer.neighbours:
            assert (found.dataset, found.prediction) == ("digits", rows[found.image_id]["prediction"])
            assert found.confidence == pytest.approx(rows[found.image_id]["confidence"])

    run_stage("featurize", labelled, extractor="hog", **IMAGENET)
    try:
        with pytest.raises(InputError, match="of another extractor's features; to build it again: make run"):
            image_index.open_index(labelled)
    finally:
        run_stage("featurize", labelled, extractor="pixels", **IMAGENET)


def test_a_network_of_one_s_own_makes_features_the_final_model_and_the_index(tmp_path_factory, tmp_path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KINDRED_DATA", str(tmp_path_factory.mktemp("own")))
        run = runs.run_folder("tests", "own")
        run_stage("ingest", run, dataset="digits", path=None, limit=500, leaks="drop")
        own = {**IMAGENET, "weights": onnx_samples.saved(onnx_samples.tokens(), tmp_path)}
        own |= {"preprocessing": '{"preset": "clip", "crop": 0.9}', "output": "last_hidden_state:mean"}
        onnx_samples.put_words(tmp_path)
        run_stage("featurize", run, extractor="onnx", **own)
        run_stage("choose_labels", run, **LABELS)
        run_stage("train_base", run, **TRAIN)
        finish(run, "off")

        found = champion.bundle_of_run(run)
        same = run_stage("build_index", run)["figures"]["build_index/reused"]
        (tmp_path / "tokenizer.json").write_text(onnx_samples.tokenizer(longest=2).to_str())
        changed = run_stage("build_index", run)
        cut = champion.bundle_of_run(run).words("red car car", "cosine")
        row = RunReader(run, "featurize").rows("features", ["image_id", "features"]).to_pylist()[0]
        content = {
            r["image_id"]: r["content"]
            for r in RunReader(run, "ingest").rows("images", ["image_id", "content"]).to_pylist()
        }

    features = found.model.as_query(images.decode(content[row["image_id"]])).features
    assert features[0] == pytest.approx(row["features"], abs=1e-5)
    assert found.words("red car car", "cosine").read == "red car car"
    assert (same, changed["figures"]["build_index/reused"], cut.read) == (1, 0, "red car")
    assert changed["summary"].endswith("images to search in, by words too")


def test_a_picture_of_the_bundle_is_seen_as_its_image_was(labelled, monkeypatch) -> None:
    monkeypatch.setattr("kindred.search.pictures.PER_SHARD", 100)
    finish(labelled, "off")
    storage.delete(storage.join(labelled, "build_index"))
    run_stage("build_index", labelled)

    found = champion.bundle_of_run(labelled)

    rows = RunReader(labelled, "evaluate").rows("images", ["image_id", "split", "content"]).to_pylist()
    tested = sorted({row["image_id"] for row in rows if row["split"] == "test"})
    assert found.queries.ids() == tested
    assert found.queries.images(tested).labels == [None] * len(tested)
    assert all(origin.startswith("digits#") for origin in found.queries.images(tested).origins)
    assert all(found.pictures.file(row["image_id"]) == row["content"] for row in rows)
    for image_id in [*tested[:5], *found.gallery.ids()[:5]]:
        seen, known = found.model.as_query(images.decode(found.pictures.file(image_id))), found.image(image_id)
        assert seen.ids == [image_id]
        assert seen.features == pytest.approx(known.features, abs=1e-6)
        assert seen.probabilities == pytest.approx(known.probabilities, abs=1e-6)


def test_many_queries_in_many_shards_find_what_one_process_finds(labelled, monkeypatch) -> None:
    monkeypatch.setattr("kindred.search.shards.MAX_ROWS", 100)
    finish(labelled, "off")
    storage.delete(storage.join(labelled, "build_index"))
    run_stage("build_index", labelled)
    index, reader = image_index.open_index(labelled), RunReader(labelled, "evaluate")
    ids, features = reader.matrix("features", "features", ds.field("split") == "test")
    origins = {row["image_id"]: row["origin"] for row in reader.rows("images", ["image_id", "origin"]).to_pylist()}

    for farthest in (False, True):
        run_stage("search", labelled, split="test", distance="l2", k=5, farthest=farthest)

        rows = reader.rows("neighbours").sort_by([("query_id", "ascending"), ("rank", "ascending")]).to_pylist()
        answers = index.search(Images(features, ids=ids.tolist()), 5, "l2", farthest)
        columns = ("query_id", "query_origin", "rank", "image_id", "distance", "origin", "label")
        assert [tuple(row[name] for name in columns) for row in rows] == [
            (answer.image_id, origins[answer.image_id], rank, found.image_id, found.distance, found.origin, found.label)
            for answer in answers
            for rank, found in enumerate(answer.neighbours, 1)
        ]
    assert len(index.gallery.shards) > 2


def test_the_ledger_says_what_spoke_for_each_pseudo_label(labelled) -> None:
    run_stage("pseudo_label", labelled, **PSEUDO)

    reader = RunReader(labelled, "evaluate")
    given = set(reader.rows("labels")["image_id"].to_pylist())
    rows, refused = reader.rows("pseudo_labels").to_pylist(), reader.rows("refused").to_pylist()
    assert not given & {row["image_id"] for row in rows + refused}
    for row in rows:
        scores = dict(row["scores"])
        assert row["weight"] == row["confidence"] == scores["consensus"]
        assert set(scores) == {"confidence", "neighbours", "heads", "consensus", "novelty"}
        assert len(set(row["nearest"]) & given) == 3
    assert {row["reason"] for row in refused} <= {"out of distribution", "below the threshold"}


def test_labels_on_representatives_are_as_many_as_asked_for_and_said_to_be_no_sample(labelled, caplog) -> None:
    other = storage.join(labelled, "..", "other")
    for name in ("ingest", "featurize"):
        storage.put_json(storage.join(other, name, file_names.MARK), marks.mark_of(storage.join(labelled, name)))

    mark = run_stage("choose_labels", other, **{**LABELS, "label_choice": "representatives"})

    assert mark["figures"]["choose_labels/labels"] == 60
    caplog.set_level(logging.INFO)
    run_stage("train_base", other, **TRAIN)
    run_stage("pseudo_label", other, **PSEUDO)
    assert "the estimate of right ones may be far off" in caplog.text
    with pytest.raises(InputError, match="representatives needs labels, the number in total"):
        run_stage("choose_labels", other, **{**LABELS, "label_choice": "representatives", "labels": None})
    per_class = {"labels": None, "labels_per_class": 2}
    with pytest.raises(InputError, match="takes labels, the number in total, not labels_per_class"):
        run_stage("choose_labels", other, **{**LABELS, "label_choice": "representatives", **per_class})
    with pytest.raises(InputError, match="takes labels, the number in total, not labels_per_class"):
        run_stage("choose_labels", other, **{**LABELS, "label_choice": "representatives", "labels_per_class": 2})


@pytest.mark.parametrize(
    ("choice", "figure", "summary"),
    [("random", 100, "; 10 per class is the default of digits, labels_per_class sets another"), ("all", 400, "class")],
)
def test_without_a_number_the_dataset_says_how_many_labels_are_given(labelled, choice, figure, summary) -> None:
    other = storage.join(labelled, "..", f"default-{choice}")
    storage.put_json(storage.join(other, "ingest", file_names.MARK), marks.mark_of(storage.join(labelled, "ingest")))

    mark = run_stage("choose_labels", other, **{**LABELS, "labels": None, "label_choice": choice})

    assert mark["figures"]["choose_labels/labels"] == figure
    assert summary in mark["summary"]
    assert mark["summary"].startswith(f"{figure} of 400 known labels given")


ATTACK = {
    **{"attacks": ["simba_l2", "square_l2", "square_linf"], "attack_images": 40, "attack_queries": 100},
    **{"attack_epsilon_l2": None, "attack_epsilon_linf": None, "seed": 0},
}


def test_an_attack_leaves_a_row_for_each_image_model_and_attack(labelled) -> None:
    finish(labelled, "off")

    mark = run_stage("attack", labelled, **ATTACK)

    figures, reader = mark["figures"], RunReader(labelled, "report")
    rows, pictures = reader.rows("attacks").to_pandas(), reader.rows("attack_pictures").to_pandas()
    assert len(rows) == 40 * 2 * 3
    assert len(pictures) == 8 * 2 * 3
    assert not rows.duplicated(["image_id", "model", "attack"]).any()
    assert figures["attack/images"] == 40
    assert figures["attack/same_model"] == 0
    own = rows[(rows["attack"] == "square_linf") & (rows["model"] == "final")]
    right = own["before"] == own["label"]
    assert figures["attack/square_linf/final/success_rate"] == own["success"].sum() / right.sum() > 0.1
    assert figures["attack/final/already_wrong"] == (~right).sum()
    assert figures["attack/square_linf/final/accuracy"] == (own["after"] == own["label"]).mean()
    assert (own["queries"] == 0).equals(~right)
    assert own["distance"].max() <= 27 / 255


def test_an_attack_has_the_same_outcome_in_any_number_of_tasks(labelled, monkeypatch) -> None:
    finish(labelled, "off")
    tables = []
    for tasks in (1, 5):
        monkeypatch.setattr(spark_attacks, "TASKS_PER_CORE", tasks)
        attempt = Stage("attack", labelled, {})
        job_module("attack").main(attempt, **{**ATTACK, "attack_images": 20, "attack_queries": 30})
        tables.append(attempt.written("attacks", ["image_id", "model", "attack", "after", "queries", "distance"]))

    assert tables[0].equals(tables[1])


def test_where_the_gate_refused_one_model_is_attacked_and_stands_for_both(labelled) -> None:
    finish(labelled, "must_gain", labeller="clusters", percentile=20.0, clusters=5)

    mark = run_stage("attack", labelled, **{**ATTACK, "attacks": ["square_linf"]})

    figures = mark["figures"]
    assert figures["attack/same_model"] == 1
    assert figures["attack/square_linf/base/success_rate"] == figures["attack/square_linf/final/success_rate"] > 0.1
    assert figures["attack/square_linf/difference"] == 0
    assert "no difference shown" in mark["summary"]


def test_an_attack_on_images_of_unknown_classes_ends_in_one_line(labelled, monkeypatch) -> None:
    finish(labelled, "off")
    rows = RunReader.rows
    monkeypatch.setattr(
        RunReader, "rows", lambda s, name, *a: rows(s, name, *a)[:0] if name == "truth" else rows(s, name, *a)
    )

    with pytest.raises(InputError, match="no test image has a known label"):
        run_stage("attack", labelled, **{**ATTACK, "seed": 7})


@pytest.mark.long
@pytest.mark.tensorflow
def test_a_network_that_learns_from_the_images_leaves_its_curves_and_is_in_the_model(spark, tmp_path_factory) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KINDRED_DATA", str(tmp_path_factory.mktemp("learned")))
        patch.setattr(variants.load("extractor", "rotation"), "VIEWS", 1000)
        run = runs.run_folder("tests", "learned")
        run_stage("ingest", run, dataset="digits", path=None, limit=200, leaks="drop")
        mark = run_stage("featurize", run, extractor="rotation", **IMAGENET)
        run_stage("choose_labels", run, **LABELS)
        run_stage("train_base", run, **TRAIN)
        finish(run, "off")
        files = RunReader(run, "evaluate").facts_of("gate")["model"]["files"]

    curves = [mark["steps"][name] for name in ("rotation/loss", "rotation/accuracy")]
    epochs = [[step for step, _ in curve] for curve in curves]
    assert epochs[0] == epochs[1] == list(range(1, len(curves[0]) + 1))
    assert curves[0][-1][1] < curves[0][0][1]
    assert file_names.MODEL in files


@pytest.mark.long
@pytest.mark.parametrize("precision", ["int8", "int8_openvino"])
def test_an_int8_network_makes_features_the_final_model_and_the_query(precision: str, tmp_path_factory) -> None:
    if precision == "int8_openvino":
        extracting.need_openvino()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KINDRED_DATA", str(tmp_path_factory.mktemp("int8")))
        run = runs.run_folder("tests", "int8")
        run_stage("ingest", run, dataset="digits", path=None, limit=200, leaks="drop")
        chosen = {**IMAGENET, "image_size": 32, "precision": precision}
        plain = run_stage("featurize", run, extractor="efficientnet_lite0", **{**chosen, "precision": "float32"})
        mark = run_stage("featurize", run, extractor="efficientnet_lite0", **chosen)
        run_stage("choose_labels", run, **LABELS)
        run_stage("train_base", run, **TRAIN)
        finish(run, "off")

        model = champion.bundle_of_run(run).model
        reader = RunReader(run, "evaluate")
        files = reader.facts_of("gate")["model"]["files"]
        served = onnx_graphs.session(reader.file("gate", file_names.MODEL)) if precision == "int8" else None
        run_stage("attack", run, **{**ATTACK, "attack_images": 4, "attack_queries": 5})
        attacked = RunReader(run, "report").rows("attacks").to_pylist()
        predicted = {row["image_id"]: row["prediction"] for row in reader.rows("predictions_final").to_pylist()}
        features = {row["image_id"]: row["features"] for row in reader.rows("features").slice(0, 5).to_pylist()}
        content = {row["image_id"]: row["content"] for row in reader.rows("images").to_pylist()}

    assert plain["arguments"].keys() == {"extractor", "image_size", "weights"}
    assert mark["arguments"] == {**plain["arguments"], "precision": precision}
    assert mark["facts"]["quantised_from"] == plain["facts"]["graph"]
    before = {row["image_id"]: row["before"] for row in attacked if row["model"] == "final"}
    assert before == {image_id: predicted[image_id] for image_id in before}
    assert len(before) == 4
    assert files[2:] == [file_names.MODEL if served else file_names.EXTRACTOR]
    assert not served or served.get_modelmeta().custom_metadata_map["precision"] == "int8"
    for image_id, expected in features.items():
        pixels = images.decode(content[image_id])
        query = model.as_query(pixels)
        assert query.features[0] == pytest.approx(expected, abs=1e-5)
        if served:  # resized inside, by other roundings
            (probabilities,) = served.run(None, {"pixels": pixels[None]})[0]
            assert probabilities == pytest.approx(query.probabilities[0], abs=0.02)


def test_an_index_for_approximate_search_is_other_work_and_says_its_recall_everywhere(labelled) -> None:
    finish(labelled, "off")
    exact = run_stage("build_index", labelled)

    mark = run_stage("build_index", labelled, search_mode="approximate")

    index = image_index.open_index(labelled)
    (answer,) = index.search(index.images(index.ids()[:1]), 10, "cosine", mode="approximate")
    assert (exact["arguments"], mark["arguments"]) == ({}, {"search_mode": "approximate"})
    assert answer.recall == mark["figures"]["build_index/cosine_recall_at_10"] >= 0.9
    assert run_stage("build_index", labelled, search_mode="approximate")["figures"]["build_index/reused"] == 1
    assert run_stage("build_index", labelled, search_mode="exact")["figures"]["build_index/reused"] == 0
    with pytest.raises(InputError, match="the index can only be searched exactly"):
        image_index.open_index(labelled).search(index.images(index.ids()[:1]), 10, "cosine", mode="approximate")
