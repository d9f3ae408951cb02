"""Runs side by side: what differs, and what the page says where nothing can be compared."""

import numpy as np
import pandas as pd
import pytest

from kindred.report import comparison_page, comparison_sections, html_page
from kindred.report.comparison_page import LabelledPredictions
from kindred.report.comparison_sections import ComparedRun
from kindred.report.scored_images import ScoredImages
from kindred.runtime.errors import InputError

CLASSES = ["cat", "dog"]
TRUTH = np.tile([0, 1], 50)


def probabilities_of(accuracy: float) -> np.ndarray:
    """Probabilities [100, 2] of a model that has so many of the images right, the first ones."""
    predicted = np.where(np.arange(100) < 100 * accuracy, TRUTH, 1 - TRUTH)
    return np.where(np.eye(2)[predicted] == 1, 0.8, 0.2)


def scored(**shares: float) -> ScoredImages:
    ids = np.array([f"{i:03d}" for i in range(100)])
    return ScoredImages(CLASSES, ids, TRUTH, {name: probabilities_of(share) for name, share in shares.items()}, "first")


def run(name: str, **params) -> ComparedRun:
    figures = {"final/test/images": 100, "base/test/accuracy": 0.5, "choose_labels/labels": 10, "gate/accepted": 1}
    for score in comparison_sections.SCORES:
        figures |= {f"final/test/{score}": 0.9, f"final/test/{score}_low": 0.8, f"final/test/{score}_high": 0.95}
    curve = pd.DataFrame({"labels": [5, 10], "accuracy": [0.4, 0.5], "error": [0.1, 0.1]})
    return ComparedRun(name, "2026-11-27 17:11 UTC", {"dataset": "digits", **params}, figures, curve)


def rows_of(ids: range, probabilities: np.ndarray) -> pd.DataFrame:
    """Rows of image_id, label, probabilities, in no order."""
    order = np.random.default_rng(0).permutation(len(ids))
    labels = [CLASSES[TRUTH[i]] for i in ids]
    rows = pd.DataFrame({"image_id": [f"{i:03d}" for i in ids], "label": labels})
    return rows.assign(probabilities=[probabilities[i] for i in ids]).iloc[order]


def test_params_that_differ_stand_apart_from_those_that_do_not() -> None:
    runs = [run("a", labels=10, seed=0), run("b", labels=20, seed=0, gate="off")]

    table, same = comparison_sections.param_differences(runs)

    assert table.set_index("param").T.to_dict("list") == {"gate": ["–", '"off"'], "labels": ["10", "20"]}
    assert same == {"dataset": '"digits"', "seed": "0"}


@pytest.mark.usefixtures("undrawn")
def test_the_page_says_which_is_better_and_draws_every_run() -> None:
    runs = [run("first", labels=10), run("much", labels=20), run("little", labels=30)]

    sections = comparison_sections.sections(runs, scored(first=0.8, much=0.9, little=0.81))
    html = html_page.render("Kindred: 3 runs", {}, sections).decode()

    assert sections[0].headline == "Against first, on the same test images, better: much; no difference shown: little."
    assert sections[1].headline == "The runs differ in labels."
    assert [block.name for block in sections[2].blocks] == [
        *("roc", "precision-recall", "reliability", "risk-coverage", "learning")
    ]
    assert html.count("<svg") == 5
    assert html.count("<td>2026-11-27 17:11 UTC</td>") == 3
    assert [title in html for title in (">Accuracy ↑<", ">Log loss ↓<", ">Expected calibration error ↓<")] == [True] * 3


@pytest.mark.usefixtures("undrawn")
def test_markup_in_a_runs_name_is_escaped() -> None:
    runs = [run("<b>first"), run("<script>")]

    html = html_page.render("Kindred: 2 runs", {}, comparison_sections.sections(runs, None)).decode()

    assert "<b>first" not in html
    assert "&lt;script&gt;" in html


def test_only_images_that_all_runs_have_are_compared_row_by_row() -> None:
    tests = {
        "a": LabelledPredictions(CLASSES, rows_of(range(60), probabilities_of(1.0))),
        "b": LabelledPredictions(CLASSES, rows_of(range(40, 100), probabilities_of(0.5))),
    }

    common = comparison_page.common_images(tests)

    assert common.ids.tolist() == [f"{i:03d}" for i in range(40, 60)]
    assert common.correct("a").all()
    assert common.correct("b").mean() == 0.5


@pytest.mark.usefixtures("undrawn")
def test_runs_without_a_common_image_or_with_other_classes_are_not_paired() -> None:
    one = LabelledPredictions(CLASSES, rows_of(range(10), probabilities_of(1.0)))

    other_images = LabelledPredictions(CLASSES, rows_of(range(10, 20), probabilities_of(1.0)))
    other_classes = LabelledPredictions(["cat", "cow"], one.rows)

    assert comparison_page.common_images({"a": one, "b": other_images}) is None
    assert comparison_page.common_images({"a": one, "b": other_classes}) is None
    assert "no test image in common" in comparison_sections.sections([run("a"), run("b")], None)[0].headline


def test_one_run_cannot_be_compared(tmp_path) -> None:
    with pytest.raises(InputError, match="1 run to compare; it takes two or more"):
        comparison_page.compare([f"file://{tmp_path}"] * 2)


def test_a_run_that_is_not_finished_says_what_to_run(tmp_path) -> None:
    with pytest.raises(
        InputError, match="has not finished its stage 'ingest', which makes 'truth'; to go on with it: make run"
    ):
        comparison_page.compare([f"file://{tmp_path}/one", f"file://{tmp_path}/two"])
