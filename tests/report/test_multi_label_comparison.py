"""Runs on images with several labels side by side."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from bench import run_stage

import multi_label_run
from kindred.evaluation.multi_label_scoring import TestedImages
from kindred.learning.multi_label import Labels
from kindred.report import comparison_page, multi_label_comparison
from kindred.report.comparison_page import PredictedSets
from kindred.report.comparison_sections import NOTHING_IN_COMMON, ComparedRun
from kindred.report.scored_sets import ScoredSets
from kindred.runtime import arrow, runs, storage
from kindred.runtime.errors import InputError

CLASSES, LIMITS = ["sea", "trees"], np.array([0.5, 0.5])
PRESENT = np.random.default_rng(0).random((100, 2)) < 0.5


def predicted(share: float) -> np.ndarray:
    """Probabilities of a model that has both classes of so many of 100 images right, the first ones."""
    right = np.arange(100)[:, None] < 100 * share
    return np.where(PRESENT == right, 0.8, 0.2)


def scored(**shares: float) -> ScoredSets:
    models = {name: predicted(share) for name, share in shares.items()}
    labels = Labels(np.ones_like(PRESENT), PRESENT)
    return ScoredSets(CLASSES, np.arange(100).astype(str), labels, models, dict.fromkeys(models, LIMITS), "first")


def predictions_of(ids: range, known: bool = True) -> PredictedSets:
    rows = np.array(ids)
    labels = Labels(np.full((len(rows), 2), known), PRESENT[rows])
    return PredictedSets(CLASSES, TestedImages(rows.astype(str), labels, predicted(1.0)[rows]), LIMITS)


def run(name: str) -> ComparedRun:
    return ComparedRun(name, "2026-11-27 17:11 UTC", {}, {"final/test/micro_f1": 0.5}, pd.DataFrame())


@pytest.mark.usefixtures("undrawn")
def test_a_run_is_better_where_an_interval_says_so() -> None:
    compared = [run("first"), run("much"), run("same"), run("worse")]

    scores, _, curves = multi_label_comparison.sections(compared, scored(first=0.8, much=1.0, same=0.81, worse=0.4))

    assert scores.headline == (
        "Against first, on the same test images, better: much; no difference shown: same; worse: worse."
    )
    table = scores.blocks[1].rows.set_index("run")
    assert table.loc["much", "micro_f1_low"] > 0 > table.loc["worse", "micro_f1_high"]
    assert table.loc["much", "log_loss"] == pytest.approx(0.2 * np.log(0.2 / 0.8))
    assert [block.name for block in curves.blocks] == ["precision-recall", "roc", "reliability"]


def test_what_is_better_in_one_score_and_worse_in_the_other_is_neither() -> None:
    row = {"mean_average_precision": 0.1, "mean_average_precision_low": 0.05, "mean_average_precision_high": 0.2}
    worse = {"micro_f1": -0.1, "micro_f1_low": -0.2, "micro_f1_high": -0.05}

    assert multi_label_comparison.judged(row) == "better"
    assert multi_label_comparison.judged(row | worse) == multi_label_comparison.MIXED


def test_only_images_of_which_the_same_is_known_are_compared() -> None:
    common = comparison_page.common_sets({"a": predictions_of(range(60)), "b": predictions_of(range(40, 100))})

    assert sorted(common.ids.tolist()) == [str(i) for i in range(40, 60)]
    assert not common.missed("a").any()
    assert comparison_page.common_sets({"a": predictions_of(range(10)), "b": predictions_of(range(10, 20))}) is None
    assert (
        comparison_page.common_sets({"a": predictions_of(range(10)), "b": predictions_of(range(10), known=False)})
        is None
    )
    assert multi_label_comparison.sections([run("a"), run("b")], None)[0].headline == NOTHING_IN_COMMON


def test_two_finished_runs_make_a_page_and_a_table(data: Path) -> None:
    folders = [multi_label_run.make(runs.run_folder("tests", name)) for name in ("one", "two")]
    for folder in folders:
        run_stage("evaluate", folder)
        storage.put_json(
            storage.join(folder, "run.json"), {"params": {"seed": 0}, "opened": "2026-11-27T17:11:00+00:00"}
        )

    page = comparison_page.compare(folders)

    assert page.headline == "Against one, on the same test images, no difference shown: two."
    assert page.csv.decode().startswith("run,test images,mean_average_precision,mean_average_precision_low")


def test_runs_of_both_kinds_are_not_compared(data: Path) -> None:
    several, one = (multi_label_run.make(runs.run_folder("tests", name)) for name in ("several", "one"))
    storage.delete(storage.join(one, "ingest", "_DONE.json"))
    multi_label_run.commit(one, "ingest", {}, {"classes": CLASSES}, truth=arrow.schema("truth").empty_table())

    with pytest.raises(InputError, match=r"several labels an image \(several\) and with one \(one\) have no score"):
        comparison_page.compare([several, one])
