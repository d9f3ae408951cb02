"""The last stages of a run on images with several labels each: its figures, its files, and what it says."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from bench import job_module, run_stage
from sklearn.metrics import average_precision_score, f1_score

import multi_label_run
from kindred.learning import multi_label
from kindred.report import multi_label_results
from kindred.runtime import runs, storage
from kindred.runtime.run_reader import RunReader
from kindred.runtime.stage import Stage

CLASSES = multi_label_run.CLASSES
SCORES = (
    *("mean_average_precision", "micro_f1", "macro_f1", "hamming_loss", "subset_accuracy"),
    *("ranking_average_precision", "one_error", "log_loss", "expected_calibration_error"),
)


def test_both_models_are_scored_over_the_known_pairs_of_the_test_images(data: Path) -> None:
    run = multi_label_run.make(runs.run_folder("tests", "sets"))

    mark = run_stage("evaluate", run)

    reader = RunReader(run, "evaluate")
    figures, tested = mark["figures"], reader.rows("predictions_candidate").to_pandas().query("split == 'test'")
    labels = multi_label.of_rows(reader.rows("truth"), tested["image_id"].to_numpy(), CLASSES)
    values = np.stack(tested["probabilities"])
    chosen = values >= multi_label_run.THRESHOLDS["train_final"]
    micro_f1 = f1_score(labels.present[labels.known], chosen[labels.known])
    precisions = [average_precision_score(labels.present[k, c], values[k, c]) for c, k in enumerate(labels.known.T)]
    assert figures["final/test/micro_f1"] == figures["candidate/test/micro_f1"] == pytest.approx(micro_f1)
    assert figures["final/test/mean_average_precision"] == pytest.approx(np.mean(precisions))
    assert figures["final/test/images"] == 40
    for score in SCORES:
        for model in ("base", "candidate", "final"):
            low, value, high = (figures[f"{model}/test/{score}{end}"] for end in ("_low", "", "_high"))
            assert low <= value <= high
        low, high = (figures[f"final/test/{score}_difference_{end}"] for end in ("low", "high"))
        assert low <= figures[f"final/test/{score}"] - figures[f"base/test/{score}"] <= high
    assert not any("accuracy" in name and "subset" not in name for name in figures)


def test_hidden_images_and_pseudo_labels_are_compared_with_what_is_known_of_them(data: Path) -> None:
    run = multi_label_run.make(runs.run_folder("tests", "sets"))

    figures = run_stage("evaluate", run)["figures"]

    reader = RunReader(run, "evaluate")
    pseudo, truth = (reader.rows(name).to_pandas() for name in ("pseudo_labels", "truth"))
    known = pseudo.merge(truth, "inner", ["image_id", "label"])
    positive = known[known["present_x"]]
    assert figures["base/hidden/images"] == 10
    assert figures["pseudo/known"] == len(known)
    assert figures["pseudo/precision"] == pytest.approx((known["present_x"] == known["present_y"]).mean())
    assert figures["pseudo/positive_precision"] == pytest.approx(positive["present_y"].mean())


def test_each_class_has_its_scores_in_a_file_and_the_last_line_has_the_main_ones(data: Path) -> None:
    run = multi_label_run.make(runs.run_folder("tests", "sets"))

    mark = run_stage("evaluate", run)

    assert mark["reports"] == ["base-classes.csv", "candidate-classes.csv", "pseudo-labels.csv"]
    header, *rows = RunReader(run, "report").file("evaluate", "base-classes.csv").decode().splitlines()
    assert header == ("class,present,absent,unknown,average_precision,precision,recall,f1,threshold,calibration_error")
    assert [row.split(",")[0] for row in rows] == CLASSES
    names = [f"{model}/test/{score}" for score in SCORES[:2] for model in ("base", "final")]
    base, final, base_f1, final_f1 = (mark["figures"][name] for name in names)
    assert mark["summary"] == (
        f"test mAP base {base:.4f}, final {final:.4f} ({final - base:+.4f}), "
        f"micro F1 base {base_f1:.4f}, final {final_f1:.4f} ({final_f1 - base_f1:+.4f})"
    )


def test_where_nothing_is_known_of_test_images_the_figures_are_those_of_cross_validation(data: Path) -> None:
    run = multi_label_run.make(runs.run_folder("tests", "untested"), tested=False)

    mark = run_stage("evaluate", run)

    assert mark["summary"] == (
        "no test image has a known label; cross-validation mAP base 0.7700, final 0.8000 (+0.0300), "
        "micro F1 base 0.7200, final 0.7500 (+0.0300)"
    )
    assert not [name for name in mark["figures"] if "/test/" in name]


def test_the_page_has_the_sections_of_images_with_several_labels(data: Path) -> None:
    run = multi_label_run.make(runs.run_folder("tests", "sets"))
    run_stage("evaluate", run)

    mark = run_stage("report", run, projection="pca")

    content = RunReader(run, "report").file("report", "report.html").decode()
    names = "verdict data classes mistakes curves pseudo-labels embedding-map".split()
    assert re.findall('<section id="(.*?)"', content) == names
    assert "confusion" not in content
    assert "mAP" in mark["summary"]
    listed = list(csv.DictReader(storage.find_bytes(storage.join(run, "predictions.csv")).decode().splitlines()))
    assert len(listed) == sum(multi_label_run.COUNTS.values())
    truth = RunReader(run, "report").truth()
    assert {row["image_id"]: row["truth"] for row in listed if row["truth"]} == truth
    assert sum(bool(row["given_label"]) for row in listed) == multi_label_run.GIVEN


@pytest.mark.spark
def test_many_images_are_counted_in_spark_as_here(spark, data: Path) -> None:
    run = multi_label_run.make(runs.run_folder("tests", "sets"))
    run_stage("evaluate", run)
    report, reader = job_module("report"), Stage("report", run, {})
    results = multi_label_results.read(reader)

    here, there = (report._counts(reader, read("images"), results) for read in (reader.rows, reader.read))

    by_state = [
        {(row.split, row.label, row.present): row.images for row in rows.fillna("").itertuples()}
        for rows in (counts.balance.astype(object).rename(columns={"count": "images"}) for counts in (here, there))
    ]
    assert by_state[0] == by_state[1]
    assert here.images == multi_label_run.COUNTS
