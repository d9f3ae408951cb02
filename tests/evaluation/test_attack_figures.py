"""The figures of attacks, with numbers that can be checked in the head."""

import numpy as np
import pandas as pd
import pytest

from kindred.evaluation.attacks import attack_figures
from kindred.evaluation.attacks.attack_plan import AttackPlan

PLAN = AttackPlan({"simba_l2": 51.0}, 10, seed=0)


def outcome(model: str, queries: list[int], fooled: list[bool], right: list[bool] | None = None) -> pd.DataFrame:
    """Rows of the table attacks: image 0, 1 ..., all cats."""
    before = ["cat" if is_right else "dog" for is_right in right or [True] * len(queries)]
    return pd.DataFrame(
        {
            **{"image_id": [str(i) for i in range(len(queries))], "model": model, "attack": "simba_l2"},
            **{"label": "cat", "before": before, "success": fooled, "queries": np.array(queries, np.int32)},
        }
    )


def test_figures_count_images_that_were_wrong_before_apart() -> None:
    base = outcome("base", [3, 7, 10, 0], [True, True, False, False], right=[True, True, True, False])
    final = outcome("final", [5, 10, 10, 10], [True, False, False, False])

    values = attack_figures.figures(pd.concat([base, final]), PLAN)

    assert values["attack/images"] == 4
    assert (values["attack/base/already_wrong"], values["attack/final/already_wrong"]) == (1, 0)
    assert values["attack/simba_l2/base/success_rate"] == pytest.approx(2 / 3)
    assert values["attack/simba_l2/base/accuracy"] == 1 / 4
    assert values["attack/simba_l2/base/median_queries"] == 5
    assert values["attack/simba_l2/final/success_rate"] == 1 / 4
    assert values["attack/simba_l2/final/accuracy"] == 3 / 4
    assert values["attack/simba_l2/epsilon"] == 0.2
    assert values["attack/simba_l2/budget"] == 10
    assert values["attack/simba_l2/paired"] == 3
    assert values["attack/simba_l2/difference"] == pytest.approx(-1 / 3)
    assert values["attack/simba_l2/low"] <= -1 / 3 <= values["attack/simba_l2/high"]


def test_the_interval_of_a_success_rate_is_not_empty_where_all_or_none_are_fooled() -> None:
    rows = pd.concat([outcome("base", [1] * 20, [True] * 20), outcome("final", [10] * 20, [False] * 20)])

    values = attack_figures.figures(rows, PLAN)

    assert values["attack/simba_l2/base/success_low"] == pytest.approx(0.839, abs=1e-3)  # Wilson, 20 of 20
    assert values["attack/simba_l2/final/success_high"] == pytest.approx(1 - 0.839, abs=1e-3)
    assert "attack/simba_l2/final/median_queries" not in values
    assert values["attack/simba_l2/difference"] == -1


def test_a_model_that_has_nothing_right_has_no_success_rate() -> None:
    rows = pd.concat([outcome("base", [0, 0], [False] * 2, [False] * 2), outcome("final", [4, 6], [True] * 2)])

    values = attack_figures.figures(rows, PLAN)

    assert values["attack/simba_l2/base/accuracy"] == 0
    assert "attack/simba_l2/base/success_rate" not in values
    assert "attack/simba_l2/difference" not in values
    assert attack_figures.summary(values, PLAN) == "simba_l2 fools base -, final 100.0%"


def test_a_curve_is_the_share_fooled_after_so_many_queries() -> None:
    rows = outcome("base", [3, 7, 10, 0], [True, True, False, False], right=[True, True, True, False])

    curve = dict(attack_figures.success_curves(rows, 10)["attack/simba_l2/base/success_by_queries"])

    assert list(curve) == list(range(11))
    assert [curve[n] for n in (0, 2, 3, 6, 7, 10)] == pytest.approx([0, 0, 1 / 3, 1 / 3, 2 / 3, 2 / 3])


@pytest.mark.parametrize(
    ("low", "high", "images", "words"),
    [
        (-0.2, -0.01, 200, "final is harder to fool"),
        (0.01, 0.2, 200, "final is easier to fool"),
        (-0.1, 0.1, 200, "no difference shown with 200 images"),
        (0.0, 0.0, 50, "no difference shown with 50 images"),
        (-1.0, -1.0, 9, "too few images (9) to tell"),
    ],
)
def test_the_verdict_is_worded_by_the_interval(low: float, high: float, images: int, words: str) -> None:
    assert attack_figures.verdict(low, high, images) == words
