"""Robustness: curves of success that can be counted by hand, and sentences worded by the interval."""

import numpy as np
import pandas as pd
import pytest

from kindred.evaluation.attacks import attack_figures
from kindred.evaluation.attacks.attack_plan import AttackPlan
from kindred.report import robustness_section
from pictures import encoded


def attacked() -> tuple[dict, pd.DataFrame, pd.DataFrame]:
    """Two images under one attack: base is fooled on both, after 10 and 30 queries, final on none."""
    rows = [
        ("a", "base", "simba_l2", "cat", "cat", "dog", 0.6, True, 10, 0.1),
        ("b", "base", "simba_l2", "dog", "dog", "cat", 0.6, True, 30, 0.2),
        ("a", "final", "simba_l2", "cat", "cat", "cat", 0.6, False, 100, 0.3),
        ("b", "final", "simba_l2", "dog", "cat", "cat", 0.9, False, 0, 0.0),
    ]
    columns = "image_id model attack label before after confidence success queries distance".split()
    picture = encoded(np.zeros((4, 4, 1), np.uint8))
    kept = {"original": picture, "attacked": picture, "before": "cat", "before_confidence": 0.9, "after": "dog"}
    kept |= {"after_confidence": 0.6, "queries": [0, 5, 10], "true_confidence": [0.9, 0.5, 0.3]}
    pictures = pd.DataFrame([{"image_id": "a", "model": m, "attack": "simba_l2", **kept} for m in ("base", "final")])
    table = pd.DataFrame(rows, columns=columns)
    return attack_figures.figures(table, AttackPlan({"simba_l2": 100.0}, 100, 0)), table, pictures


def test_success_grows_with_the_queries_among_the_images_that_were_right() -> None:
    _, rows, _ = attacked()

    base, final = (robustness_section.success_by_queries(rows[rows["model"] == m]) for m in ("base", "final"))

    assert base[["queries", "share"]].T.to_numpy().tolist() == [[0, 10, 30, 30], [0, 0.5, 1, 1]]
    assert final[["queries", "share"]].T.to_numpy().tolist() == [[0, 100], [0, 0]]
    assert (base["low"] < base["share"]).iloc[1:].all()
    assert base["low"].iloc[1] == pytest.approx(0.5 - (base["high"].iloc[1] - 0.5))  # one of two


def test_the_curve_of_success_ends_at_the_rate_and_the_interval_that_the_figures_have() -> None:
    figures, rows, _ = attacked()

    for model in ("base", "final"):
        last = robustness_section.success_by_queries(rows[rows["model"] == model]).iloc[-1]
        ends = [figures[f"attack/simba_l2/{model}/{name}"] for name in ("success_rate", "success_low", "success_high")]
        assert last[["share", "low", "high"]].tolist() == ends


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(-0.9, -0.1, "final is harder to fool"), (0.1, 0.9, "easier"), (-0.1, 0.1, "no difference shown with 40 images")],
)
def test_robustness_is_worded_by_the_interval(low: float, high: float, words: str) -> None:
    interval = {"low": low, "high": high, "paired": 40}
    figures = {**attacked()[0], **{f"attack/simba_l2/{key}": value for key, value in interval.items()}}

    assert words in robustness_section.sentences(figures)[0]


def test_where_final_is_base_there_is_no_difference() -> None:
    assert "Final is base" in robustness_section.sentences({**attacked()[0], "attack/same_model": 1})[0]


@pytest.mark.usefixtures("undrawn")
def test_an_attack_is_shown_with_its_pictures_and_without_one_the_page_says_so() -> None:
    section = robustness_section.section(*attacked(), {"a": "/photos/a.jpg"})

    assert "2 test images were attacked" in section.headline
    assert {"robustness-success.svg", "robustness-pictures-simba_l2.png"} <= set(section.files())
    assert section.files()["robustness-pictures-simba_l2.csv"].count(b"/photos/a.jpg") == 2
    assert robustness_section.section({}, pd.DataFrame(), pd.DataFrame(), {}).headline == robustness_section.NOT_RUN
