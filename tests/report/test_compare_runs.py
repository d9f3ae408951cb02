"""Runs side by side: paired tests, what differs, and what is said where nothing can be compared."""

import numpy as np
import pandas as pd
import pytest

from kindred.evaluation import score_intervals
from kindred.report import compare_runs, comparison, page
from kindred.report.blocks import Scored
from kindred.runtime.errors import InputError

CLASSES = ["cat", "dog"]
TRUTH = np.tile([0, 1], 50)


def said(right: float) -> np.ndarray:
    """Probabilities [100, 2] of a model that has so many of the images right, the first ones."""
    predicted = np.where(np.arange(100) < 100 * right, TRUTH, 1 - TRUTH)
    return np.where(np.eye(2)[predicted] == 1, 0.8, 0.2)


def scored(**shares: float) -> Scored:
    ids = np.array([f"{i:03d}" for i in range(100)])
    return Scored(CLASSES, ids, TRUTH, {name: said(share) for name, share in shares.items()}, "first")


def run(name: str, **params) -> comparison.Run:
    figures = {"final/test/images": 100, "base/test/accuracy": 0.5, "choose_labels/labels": 10, "gate/accepted": 1}
    for score in comparison.SHOWN:
        figures |= {f"final/test/{score}": 0.9, f"final/test/{score}_low": 0.8, f"final/test/{score}_high": 0.95}
    curve = pd.DataFrame({"labels": [5, 10], "accuracy": [0.4, 0.5], "error": [0.1, 0.1]})
    return comparison.Run(name, {"dataset": "digits", **params}, figures, curve)


def rows(ids: range, probabilities: np.ndarray) -> pd.DataFrame:
    """Rows of image_id, label, probabilities, in no order."""
    order = np.random.default_rng(0).permutation(len(ids))
    labels = [CLASSES[TRUTH[i]] for i in ids]
    found = pd.DataFrame({"image_id": [f"{i:03d}" for i in ids], "label": labels})
    return found.assign(probabilities=[probabilities[i] for i in ids]).iloc[order]


def test_ten_points_more_on_the_same_images_are_a_difference_and_one_is_none() -> None:
    table = comparison.paired(scored(first=0.8, much=0.9, little=0.81)).set_index("run")

    assert table["difference"].to_dict() == pytest.approx({"much": 0.1, "little": 0.01})
    assert table.loc["much", "p"] == pytest.approx(2 * 0.5**10)  # ten images, all in its favour
    assert table.loc["little", "p"] == 1
    assert table.loc["much", "low"] > 0


def test_a_difference_has_the_interval_that_the_stage_evaluate_gives_it() -> None:
    test = scored(first=0.8, other=0.83)

    row = comparison.paired(test).iloc[0]

    found = score_intervals.intervals(test.labels, *test.models.values()).loc["accuracy"]
    assert (row["low"], row["high"]) == (found["difference_low"], found["difference_high"])


def test_p_values_are_corrected_for_their_number() -> None:
    np.testing.assert_allclose(comparison.holm(np.array([0.01, 0.04, 0.03])), [0.03, 0.06, 0.06])
    np.testing.assert_allclose(comparison.holm(np.array([0.9, 0.8])), [1, 1])


def test_params_that_differ_stand_apart_from_those_that_do_not() -> None:
    table, same = comparison.differing([run("a", labels=10, seed=0), run("b", labels=20, seed=0, gate="off")])

    assert table.set_index("param").T.to_dict("list") == {"gate": ["–", '"off"'], "labels": ["10", "20"]}
    assert same == {"dataset": '"digits"', "seed": "0"}


@pytest.mark.usefixtures("undrawn")
def test_the_page_says_who_is_better_and_draws_every_run() -> None:
    runs = [run("first", labels=10), run("much", labels=20), run("little", labels=30)]

    sections = comparison.sections(runs, scored(first=0.8, much=0.9, little=0.81))
    html = page.render("Kindred: 3 runs", {}, sections).decode()

    assert sections[0].says == "Against first, on the same test images, better: much; no difference shown: little."
    assert sections[1].says == "They differ in labels."
    assert [block.name for block in sections[2].blocks] == [
        *("roc", "precision-recall", "reliability", "risk-coverage", "learning")
    ]
    assert html.count("<img") == 5


@pytest.mark.usefixtures("undrawn")
def test_markup_in_a_runs_name_is_escaped() -> None:
    runs = [run("<b>first"), run("<script>")]

    html = page.render("Kindred: 2 runs", {}, comparison.sections(runs, None)).decode()

    assert "<b>first" not in html
    assert "&lt;script&gt;" in html


def test_only_images_that_all_runs_have_are_compared_row_by_row() -> None:
    tests = {"a": (CLASSES, rows(range(60), said(1.0))), "b": (CLASSES, rows(range(40, 100), said(0.5)))}

    found = compare_runs.common(tests)

    assert found.ids.tolist() == [f"{i:03d}" for i in range(40, 60)]
    assert found.right("a").all()
    assert found.right("b").mean() == 0.5


def test_runs_without_a_common_image_or_with_other_classes_are_not_paired() -> None:
    one = (CLASSES, rows(range(10), said(1.0)))

    assert compare_runs.common({"a": one, "b": (CLASSES, rows(range(10, 20), said(1.0)))}) is None
    assert compare_runs.common({"a": one, "b": (["cat", "cow"], one[1])}) is None
    assert "No test image is common" in comparison.sections([run("a"), run("b")], None)[0].says


def test_one_run_cannot_be_compared(tmp_path) -> None:
    with pytest.raises(InputError, match="1 run to compare; it takes two or more"):
        compare_runs.pages([f"file://{tmp_path}"] * 2)


def test_a_run_that_is_not_finished_says_what_to_run(tmp_path) -> None:
    with pytest.raises(InputError, match="run the 'ingest' stage first"):
        compare_runs.pages([f"file://{tmp_path}/one", f"file://{tmp_path}/two"])
