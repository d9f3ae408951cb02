"""The sections of a page on images with several labels, of three classes and mistakes that were counted by hand."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from kindred.evaluation import multi_label_scoring
from kindred.learning.multi_label import Labels
from kindred.report import (
    multi_label_classes_section,
    multi_label_curves_section,
    multi_label_data_section,
    multi_label_mistakes_section,
    multi_label_pseudo_labels_section,
    multi_label_verdict_section,
)
from kindred.report.blocks import Plot, Sheet, Table
from kindred.report.data_section import ImageCounts
from kindred.report.pictures import Pictures
from kindred.report.rejected_blocks import RejectedFiles
from kindred.report.scored_sets import ScoredSets
from report_run import near_duplicates, text_of

pytestmark = pytest.mark.usefixtures("undrawn")

CLASSES = ["sea", "sunset", "trees"]
IDS = np.array(["a", "b", "c", "d"], dtype=object)
KNOWN = np.array([[1, 1, 1], [1, 1, 0], [1, 1, 1], [1, 1, 1]], bool)
PRESENT = np.array([[1, 0, 0], [0, 1, 1], [1, 0, 0], [0, 0, 0]], bool)
FINAL = np.array([[0.9, 0.2, 0.1], [0.1, 0.4, 0.9], [0.3, 0.8, 0.2], [0.2, 0.6, 0.1]])  # misses sunset of b, sea of c
BASE = np.array([[0.9, 0.2, 0.1], [0.1, 0.6, 0.9], [0.7, 0.3, 0.2], [0.2, 0.1, 0.1]])  # everything is right
PICTURES = Pictures(dict.fromkeys(IDS, np.zeros((8, 8, 3), np.uint8)), {i: f"/photos/{i}.jpg" for i in IDS})
TRIED = pd.DataFrame({"model": ["base"], "setting": 0.125, "log_loss_mean": 0.5, "log_loss_std": 0.1, "chosen": True})
NO_FILE_LEFT_OUT = RejectedFiles(pd.DataFrame({"reason": [], "files": []}), pd.DataFrame())


def scored(**models: np.ndarray) -> ScoredSets:
    probabilities = models or {"base": BASE, "final": FINAL}
    limits = {name: np.full(3, 0.5) for name in probabilities}
    return ScoredSets(CLASSES, IDS, Labels(KNOWN, PRESENT), probabilities, limits, list(probabilities)[-1])


def untested() -> ScoredSets:
    nothing = np.zeros((0, 3))
    return ScoredSets(
        CLASSES, IDS[:0], Labels(nothing > 0, nothing > 0), {"final": nothing}, {"final": np.ones(3)}, "final"
    )


def figures(**changed: float) -> dict[str, float]:
    """Of a run whose final is two points better in mAP, as far as sure."""
    values: dict[str, float] = {
        **{"ingest/train": 10, "ingest/unlabeled": 5, "ingest/test": 100, "ingest/rejected": 0, "ingest/leaked": 0},
        **{"ingest/repeated": 0, "choose_labels/labels": 6, "gate/accepted": 1, "gate/difference": 0.02},
        **{"gate/low": 0.0, "gate/high": 0.04, "gate/log_loss_difference": -0.1, "pseudo/unlabelled": 9},
        **{"pseudo/count": 8, "pseudo/pairs": 20, "pseudo/positives": 5, "pseudo/quota": 0.6, "pseudo/known": 10},
        **{"pseudo/precision": 0.9, "pseudo/positive_precision": 0.75, "base/test/images": 100},
    }
    for name, value in (("mean_average_precision", 0.75), ("micro_f1", 0.7)):
        for model, mean in (("base", value), ("candidate", value + 0.02)):
            values |= {f"{model}/test/{name}{end}": mean + by for end, by in (("", 0), ("_low", -0.1), ("_high", 0.1))}
        values |= {f"candidate/test/{name}_difference_low": -0.01, f"candidate/test/{name}_difference_high": 0.05}
    return values | changed


def block(section: Any, name: str) -> Any:
    return next(each for each in section.blocks if getattr(each, "name", "") == name)


@pytest.mark.parametrize(
    ("changed", "start"),
    [
        (
            {},
            "No difference between final and base is shown on 100 test images: mAP 77.0% instead of 75.0%, +2.0 points",
        ),
        (
            {"candidate/test/mean_average_precision_difference_low": 0.01},
            "Final is better than base on 100 test images",
        ),
        (
            {"candidate/test/micro_f1_difference_high": -0.01, "candidate/test/micro_f1": 0.65},
            "Final is worse than base",
        ),
        (
            {
                "candidate/test/mean_average_precision_difference_low": 0.01,
                **{"candidate/test/micro_f1_difference_high": -0.01, "candidate/test/micro_f1": 0.65},
            },
            "Final is better in one score and worse in the other",
        ),
        (
            {"gate/accepted": 0},
            "Final is base: the gate refused the model trained with pseudo-labels, which has on 100",
        ),
        (
            {"pseudo/count": 0},
            "Final is base: there is no pseudo-label, so no second model. On the test images: mAP 75.0%",
        ),
    ],
)
def test_the_verdict_goes_by_the_intervals_of_map_and_micro_f1(changed: dict[str, float], start: str) -> None:
    assert multi_label_verdict_section.headline(figures(**changed)).startswith(start)


def test_the_verdict_names_pairs_and_has_the_scores_that_there_are() -> None:
    section = multi_label_verdict_section.section(figures(), "its log loss is not worse")

    assert "20 pseudo-labels of 8 of 9 unlabelled images: 5 say that a class is present, 15 that it is" in text_of(
        section
    )
    assert "90.0% of the pseudo-labels are right (of 10 whose truth is known)." in text_of(section)
    assert "Of those that say present 75.0% are right." in text_of(section)
    assert "known classes said rightly +2.0 points" in text_of(section)
    assert block(section, "scores").display["result"].tolist() == ["no difference shown"] * 2
    assert isinstance(block(section, "differences"), Plot)


def test_without_test_images_the_verdict_is_that_of_cross_validation() -> None:
    values = {name: value for name, value in figures().items() if "/test/" not in name} | {"base/cv/folds": 3}
    for model, mean in (("base", 0.5), ("candidate", 0.625)):
        for name in multi_label_verdict_section.CROSS_VALIDATED:
            values |= {f"{model}/cv/{name}_mean": mean, f"{model}/cv/{name}_std": 0.01}

    section = multi_label_verdict_section.section(values, "its log loss is not worse")

    assert section.headline == "No test image has a known label. mAP by cross-validation: base 50.0% and final 62.5%."
    assert block(section, "scores").rows["final"].tolist() == ["0.6250 ± 0.0100"] * 3


def test_what_is_not_known_is_neither_missed_nor_invented() -> None:
    test = scored()

    table = multi_label_mistakes_section.by_class(test)

    assert table[["present", "absent"]].to_numpy().tolist() == [[2, 2], [1, 3], [0, 3]]
    assert table["missed final"].tolist() == [1, 1, 0]
    assert table["invented final"].tolist() == [0, 2, 0]  # trees of b are not known
    assert not table[["missed base", "invented base"]].to_numpy().any()
    assert multi_label_mistakes_section.headline(test, table) == (
        "Of 11 known pairs of a test image and a class 3 are present; of these are missed: base 0, final 2. 8 are "
        "absent; of these are invented: base 0, final 2. Most mistakes of final: sunset."
    )


def test_one_class_instead_of_another_is_counted_on_the_same_image() -> None:
    test = scored()

    section = multi_label_mistakes_section.section(test, PICTURES)

    assert multi_label_mistakes_section.instead(test, "final").tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, 0]]
    assert block(section, "pairs").rows.to_numpy().tolist() == [["sea", "sunset", 0, 1]]
    assert len(block(section, "instead").panels) == 2


def test_the_surest_mistakes_come_first_with_the_true_and_the_predicted_set() -> None:
    test = scored()

    section = multi_label_mistakes_section.section(test, PICTURES)

    assert multi_label_mistakes_section.surest_missed(test) == [(2, 0), (1, 1)]
    assert multi_label_mistakes_section.surest_invented(test) == [(2, 1), (3, 1)]
    assert multi_label_mistakes_section.pictured(test) == ["c", "b", "c", "d"]
    assert [tile.lines for tile in block(section, "missed").tiles] == [
        ("missed: sea 0.30", "truth: sea", "final: sunset"),
        ("missed: sunset 0.40", "truth: sunset (not known: trees)", "final: trees"),
    ]
    assert block(section, "invented").tiles[1].lines == ("invented: sunset 0.60", "truth: none", "final: sunset")


def test_a_model_without_mistakes_has_no_pictures_of_them() -> None:
    section = multi_label_mistakes_section.section(scored(base=BASE), PICTURES)

    assert not [each for each in section.blocks if isinstance(each, Sheet)]
    assert "On no test image a class is missed and another one invented." in text_of(section)


def test_classes_are_sorted_by_average_precision_and_one_that_no_image_has_is_named() -> None:
    section = multi_label_classes_section.section(scored())

    table = block(section, "scores")
    assert table.rows["class"].tolist() == ["sea", "sunset", "trees"]
    assert table.rows["average precision final"].tolist() == pytest.approx([1, 1 / 3, np.nan], nan_ok=True)
    assert table.display["AP final"].tolist() == ["1.000", "0.333", "–"]
    assert "No test image has trees" in text_of(section)
    assert section.headline == (
        "Mean average precision of final over 2 classes: 66.7%; best sea (100.0%), worst sunset (33.3%)."
    )


def test_calibration_is_that_of_all_known_pairs() -> None:
    section = multi_label_curves_section.section(scored(final=np.where(PRESENT, 0.75, 0.25)), TRIED)

    # 3 of 11 pairs are present, their probabilities 0.75, those of the others 0.25
    assert "mean probability 38.6%, present 27.3%" in section.headline
    assert "Final is overconfident" in section.headline
    assert block(section, "areas").rows["class"].tolist() == ["sea", "sunset"]
    assert block(section, "reliability")
    assert block(section, "settings").display.to_numpy().tolist() == [["base", "0.125", "0.5000 ± 0.1000", "✓"]]


def test_images_are_counted_by_what_is_known_of_each_class() -> None:
    balance = pd.DataFrame(
        [
            ("train", "sea", True, 2),
            ("train", "sea", False, 3),
            ("test", "trees", True, 1),
            ("test", "ice", True, 1),
            ("unlabeled", None, None, 7),
        ],
        columns=["split", "label", "present", "count"],
    )
    counts = ImageCounts(balance, pd.DataFrame({"height": [8], "width": [9], "count": [20]}), 0, 0, images={})
    counts.images.update({"train": 9, "unlabeled": 7, "test": 4})

    table = multi_label_data_section.states(counts, CLASSES)
    contradicting = pd.DataFrame({"classes": ["sea"], "distance": 0.01, "origin": "a.jpg", "other_origin": "b.jpg"})
    samples = {"sea": ["a"], "sunset": [], "trees": []}
    section = multi_label_data_section.section(
        *(counts, CLASSES, samples, near_duplicates(), NO_FILE_LEFT_OUT, {"a": "sea"}, contradicting, PICTURES)
    )

    assert table.loc["sea", [f"{state} train" for state in ("present", "absent", "unknown")]].tolist() == [2, 3, 4]
    assert table.loc["trees", [f"{state} test" for state in ("present", "absent", "unknown")]].tolist() == [1, 0, 3]
    assert section.headline == "9 training, 7 unlabelled, 4 test images of 3 classes; no near duplicates across splits."
    assert "No class is known of 7 images." in text_of(section)
    assert "Split test has no image of sea, sunset." in text_of(section)
    assert "Not learned, as no given image has it: ice." in text_of(section)
    assert block(section, "balance").kind == "plot"
    assert "as one has a class that the other has not: 1 pair. One label of each pair is likely wrong." in text_of(
        section
    )


def test_pseudo_labels_say_present_or_absent() -> None:
    rows = [("a", "sea", True, 0.9, True), ("b", "sea", False, 0.75, None), ("b", "trees", True, 0.8, False)]
    accepted = pd.DataFrame(rows, columns=["image_id", "label", "present", "confidence", "truth"])
    by_class = pd.DataFrame(
        {"present": [1, 0, 1], "absent": [1, 0, 0], "undecided": [0, 2, 1], "known": [1, 0, 1], "right": [1, 0, 0]},
        index=pd.Index(CLASSES, name="class"),
    ).assign(known_present=[1, 0, 1], right_present=[1, 0, 0], precision=[1, None, 0], positive_precision=[1, None, 0])

    section = multi_label_pseudo_labels_section.section(accepted, by_class, figures(), PICTURES)

    assert [tile.lines for tile in block(section, "doubtful").tiles] == [
        ("sea absent 0.75", "truth: not known"),
        ("trees present 0.80", "truth: absent"),
        ("sea present 0.90", "truth: present"),
    ]
    assert multi_label_pseudo_labels_section.pictured(accepted) == ["b", "b", "a", "a", "b"]
    assert section.headline.startswith("20 pseudo-labels of 8 of 9 unlabelled images")


def test_sections_without_anything_to_show_say_so() -> None:
    nothing = pd.DataFrame(columns=["image_id", "label", "present", "confidence", "truth"])
    refused = figures(**{"pseudo/count": 0, "pseudo/quota": 0.0})

    assert multi_label_classes_section.section(untested()).headline == "No test image has a known label."
    assert multi_label_curves_section.section(untested(), TRIED.head(0)).headline == "No test image has a known label."
    assert multi_label_mistakes_section.section(untested(), PICTURES).headline == "No test image has a known label."
    assert multi_label_pseudo_labels_section.section(nothing, pd.DataFrame(), refused, PICTURES).headline == (
        "None of 9 unlabelled images got a pseudo-label: no quota lowers the log loss out of fold."
    )


def test_a_table_of_classes_has_all_scores_for_who_wants_them() -> None:
    columns = multi_label_classes_section.by_class(scored()).columns

    assert {f"{score} {model}" for score in ("precision", "recall", "f1") for model in ("base", "final")} <= set(
        columns
    )
    assert isinstance(block(multi_label_classes_section.section(scored()), "scores"), Table)
    assert multi_label_scoring.sets(["sea"], CLASSES).tolist() == [[True, False, False]]
