"""Curves of models whose areas one knows."""

import numpy as np
import pandas as pd
import pytest

from kindred.learning import metrics
from kindred.report import confidence_curves, curves_section, mistakes_section, ranking_curves
from kindred.report.scored_images import NOT_TESTED
from report_run import LABELS, scored


def test_a_perfect_model_ranks_every_class_perfectly_and_is_never_wrong() -> None:
    test = scored(models={"base": LABELS}, confidence=1.0)

    areas = ranking_curves.areas_by_class(test)
    coverage, risk = confidence_curves.risk_coverage(test.correct("base"), np.ones(6))

    assert areas[["ROC AUC base", "average precision base"]].to_numpy().tolist() == [[1, 1]] * 3
    assert not risk.any()
    assert coverage[-1] == 1
    assert "Base is well calibrated" in curves_section.headline(test)


def test_a_constant_model_ranks_nothing() -> None:
    test = scored(models={"base": [0] * 6})

    areas = ranking_curves.areas_by_class(test)

    assert areas["ROC AUC base"].tolist() == [0.5, 0.5, 0.5]
    assert areas["average precision base"].tolist() == pytest.approx([2 / 6, 3 / 6, 1 / 6])
    assert "Base is overconfident: mean confidence 90.0%, accuracy 33.3%" in curves_section.headline(test)


def test_risk_is_the_share_of_errors_among_the_most_confident() -> None:
    correct, confidence = np.array([True, False, True, True]), np.array([0.9, 0.5, 0.8, 0.7])

    coverage, risk = confidence_curves.risk_coverage(correct, confidence)

    assert coverage.tolist() == [0.25, 0.5, 0.75, 1]
    assert risk.tolist() == [0, 0, 0, 0.25]


def test_a_simulated_model_that_is_calibrated_has_hardly_a_calibration_error() -> None:
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.5, 1, 100_000)
    labels = (rng.uniform(size=100_000) > confidence).astype(int)

    assert metrics.calibration_error(labels, np.stack([confidence, 1 - confidence], axis=1)) < 0.01


def test_without_test_images_the_sections_of_their_scores_say_so() -> None:
    test = scored(labels=[], models={"base": []})

    sections = [curves_section.section(test, pd.DataFrame(), pd.DataFrame()), mistakes_section.section(test, {}, {})]

    assert {section.headline for section in sections} == {NOT_TESTED}


def test_the_settings_that_were_tried_are_listed_and_the_chosen_one_is_marked() -> None:
    means = {"log_loss_mean": 0.25, "log_loss_std": 0.01, "accuracy_mean": 0.9, "accuracy_std": 0.02}
    rows = [{"model": "base", "setting": c, **means, "chosen": c == 0.005} for c in (0.001, 0.005)]

    section = curves_section.section(scored(models={"base": LABELS}), pd.DataFrame(), pd.DataFrame(rows))

    (table,) = [block for block in section.blocks if getattr(block, "name", "") == "settings"]
    assert table.display.to_numpy().tolist() == [
        ["base", "0.001", "0.2500 ± 0.0100", "0.9000 ± 0.0200", ""],
        ["base", "0.005", "0.2500 ± 0.0100", "0.9000 ± 0.0200", "✓"],
    ]
