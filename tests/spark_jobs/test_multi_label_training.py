"""From known labels to the final classifier, where images have several labels each."""

import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from bench import run_stage

from kindred.features.featurize import Extractor
from kindred.learning import multi_label, networks
from kindred.runtime import arrow, file_names, job, runs, tables
from kindred.runtime.errors import InputError
from kindred.runtime.run_reader import RunReader
from kindred.runtime.stage import Stage

CLASSES = ["desert", "ice", "sea"]
SPLITS = ["train"] * 150 + ["unlabeled"] * 50 + ["test"] * 40
IDS = [f"{number:04}" for number in range(len(SPLITS))]
PRESENT = np.random.default_rng(0).random((len(SPLITS), 3)) < (0.4, 0.01, 0.3)
FEATURES = np.random.default_rng(1).normal(size=(len(SPLITS), 5)) + 2.5 * np.pad(PRESENT, ((0, 0), (0, 2)))
TRAIN = {"classifier": "logistic_regression", "folds": 4, "seed": 0}
CHOICE = {"labels_per_class": None, "label_choice": "random", "stratified": True, "seed": 0}
PSEUDO = {"labeller": "consensus", "threshold": None, "class_thresholds": "fixed", "percentile": 100}
PSEUDO |= {"clusters": None, "novelty": True, "seed": 0}


def ingest(s: Stage, present: np.ndarray) -> str:
    """Every third image has a class of which nothing is known."""
    size = {"height": 8, "width": 8, "channels": 3, "content": b"", "origin": "file:///none"}
    rows = [{"image_id": i, "split": split, **size} for i, split in zip(IDS, SPLITS, strict=True)]
    s.write_rows("images", pa.Table.from_pylist(rows, arrow.schema("images")))
    known = [
        {"image_id": IDS[i], "label": CLASSES[c], "present": bool(present[i, c])}
        for i, split in enumerate(SPLITS)
        for c in range(3)
        if split != "unlabeled" and (i % 3 or c != 2)
    ]
    s.write_rows("truth", pa.Table.from_pylist(known, arrow.schema("truth")))
    s.figures = {f"ingest/{split}": SPLITS.count(split) for split in tables.SPLITS}
    s.facts = {"classes": CLASSES, "task": "multi_label", "channels": 3, "dataset": {"name": "image_folder"}}
    return "made up"


def featurize(s: Stage) -> str:
    s.write_rows("features", pa.table({"image_id": IDS, "split": SPLITS, "features": arrow.lists(FEATURES)}))
    s.figures = {"featurize/images": len(IDS), "featurize/dimensions": FEATURES.shape[1]}
    s.facts = vars(Extractor("pixels", 8, 8, 3, "test", ""))
    return "made up"


def begun(name: str, present: np.ndarray = PRESENT) -> str:
    """A run with images and features."""
    folder = runs.run_folder("tests", name)
    job.execute(lambda s: ingest(s, present), None, Stage("ingest", folder, {}), time.time())
    job.execute(featurize, None, Stage("featurize", folder, {}), time.time())
    return folder


def trained(run: str, labels: int | None = 60, **params: object) -> dict[str, dict]:
    """The marks of the stages up to the gate, by stage."""
    train = {**TRAIN, **params}
    marks = {"choose_labels": run_stage("choose_labels", run, labels=labels, **CHOICE)}
    marks["train_base"] = run_stage("train_base", run, **train)
    marks["pseudo_label"] = run_stage("pseudo_label", run, **PSEUDO)
    marks["train_final"] = run_stage("train_final", run, **train)
    marks["gate"] = run_stage("gate", run, gate="no_harm")
    return marks


def test_what_is_not_known_is_learned_from_by_no_one_and_final_predicts_sets(data: Path) -> None:
    run = begun("sets")

    marks = trained(run)

    reader = RunReader(run, "evaluate")
    given, truth = reader.rows("labels").to_pandas(), reader.rows("truth").to_pandas()
    assert given["image_id"].nunique() == marks["choose_labels"]["figures"]["choose_labels/labels"] == 60
    assert len(given.merge(truth, "inner", ["image_id", "label", "present"])) == len(given)
    assert not set(given["image_id"]) & set(np.array(IDS)[np.array(SPLITS) != "train"])
    out_of_fold = reader.rows("out_of_fold").to_pandas()
    assert sorted(out_of_fold["image_id"]) == sorted(given["image_id"].unique())
    pseudo = reader.rows("pseudo_labels").to_pandas()
    assert not set(pseudo["image_id"]) & (set(given["image_id"]) | set(IDS[-40:]))
    figures = marks["pseudo_label"]["figures"]
    assert len(pseudo) == figures["pseudo/pairs"] > figures["pseudo/positives"] == pseudo["present"].sum() > 0
    assert len(pseudo) + len(reader.rows("refused")) == 140 * len(reader.classes())
    for name in ("base", "candidate"):
        assert (
            0.8
            < marks[f"train_{'base' if name == 'base' else 'final'}"]["figures"][
                f"{name}/cv/mean_average_precision_mean"
            ]
            <= 1
        )
    network = networks.from_bytes(reader.file("gate", file_names.NETWORK))
    final = reader.rows("predictions_final").to_pandas().set_index("image_id").loc[IDS[-40:]]
    assert list(network.thresholds or ()) == pytest.approx(reader.facts_of("gate")["thresholds"])
    labels = multi_label.of_rows(reader.rows("truth"), np.array(IDS[-40:]), reader.classes())
    values = np.stack(final["probabilities"].to_list())
    assert multi_label.shares_right(values, np.array(network.thresholds), labels).mean() > 0.85
    assert "share of known classes said rightly" in marks["gate"]["summary"]


def test_a_second_run_has_the_same_figures(data: Path) -> None:
    one, other = trained(begun("one")), trained(begun("other"))

    untimed = [
        {name: value for mark in marks.values() for name, value in mark["figures"].items() if "seconds" not in name}
        for marks in (one, other)
    ]
    assert untimed[0] == untimed[1]


@pytest.mark.tensorflow
def test_a_neural_network_learns_several_labels_too(data: Path) -> None:
    run = begun("network")
    run_stage("choose_labels", run, labels=40, **CHOICE)

    mark = run_stage("train_base", run, **{**TRAIN, "classifier": "neural_network", "folds": 2})

    assert mark["figures"]["base/cv/mean_average_precision_mean"] > 0.7
    assert "base/loss" in mark["steps"]


def test_a_class_that_no_given_image_has_is_dropped_with_a_note(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    present = PRESENT.copy()
    present[:150, 1] = False
    run = begun("dropped", present)

    with caplog.at_level("INFO"):
        marks = trained(run)

    assert "dropped, as no given image has them: 'ice'" in caplog.text
    assert RunReader(run, "report").classes() == ["desert", "sea"]
    assert marks["train_base"]["facts"]["thresholds"][2:] == ()
    assert set(RunReader(run, "report").rows("labels")["label"].to_pylist()) == {"desert", "sea"}


def test_without_an_unlabelled_image_final_is_base(data: Path) -> None:
    run = begun("all")
    run_stage("choose_labels", run, labels=None, **CHOICE)
    run_stage("train_base", run, **TRAIN)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "LEARNED_FROM", ("train",))
        pseudo = run_stage("pseudo_label", run, **PSEUDO)
    final, gate = run_stage("train_final", run, **TRAIN), run_stage("gate", run, gate="no_harm")

    assert pseudo["figures"]["pseudo/unlabelled"] == 0
    assert final["facts"]["thresholds"] == RunReader(run, "report").facts_of("train_base")["thresholds"]
    assert gate["facts"]["chosen"] == "base"


def test_what_is_for_one_label_an_image_is_refused(data: Path) -> None:
    run = begun("refused")

    with pytest.raises(InputError, match="representatives is for one label an image"):
        run_stage("choose_labels", run, labels=30, **{**CHOICE, "label_choice": "representatives"})
    run_stage("choose_labels", run, labels=30, **CHOICE)
    with pytest.raises(InputError, match="multilayer_perceptron is for one label an image; for several take logistic"):
        run_stage("train_base", run, **{**TRAIN, "classifier": "multilayer_perceptron"})
