"""Which images are attacked and how far, and what the outcome says: numbers that can be checked in the head."""

import numpy as np
import pandas as pd
import pytest

from kindred.evaluation.attacks import attack_figures
from kindred.evaluation.attacks.spark_attacks import Plan
from kindred.runtime.errors import InputError

TRUTH = {"a": "cat", "b": "dog", "c": "cat"}
PLAN = Plan({"simba_l2": 51.0}, 10, seed=0)


def outcome(model: str, queries: list[int], fooled: list[bool], right: list[bool] | None = None) -> pd.DataFrame:
    """Rows of the table attacks: image 0, 1 ..., all cats."""
    before = ["cat" if is_right else "dog" for is_right in right or [True] * len(queries)]
    return pd.DataFrame(
        {
            **{"image_id": [str(i) for i in range(len(queries))], "model": model, "attack": "simba_l2"},
            **{"label": "cat", "before": before, "success": fooled, "queries": np.array(queries, np.int32)},
        }
    )


def planned(names: list[str], l2: float | None = None, linf: float | None = None, size=(96, 96, 3)) -> dict[str, float]:
    return attack_figures.plan(names, 100, {"l2": l2, "linf": linf}, size, seed=0).epsilons


def test_bounds_are_in_grey_levels_and_those_of_l_infinity_whole() -> None:
    assert planned(["simba_l2", "square_linf"], l2=0.5, linf=8 / 255) == {"simba_l2": 127.5, "square_linf": 8}
    assert planned(["square_linf"], linf=0.03) == {"square_linf": 7}


def test_default_bounds_are_the_usual_ones_for_photographs_and_larger_for_few_pixels() -> None:
    assert planned(["square_linf"]) == {"square_linf": 8}
    assert planned(["square_linf"], size=(8, 8, 1)) == {"square_linf": 27}
    assert planned(["simba_l2"], size=(8, 8, 1)) == {"simba_l2": 27 / 2 * 8}


@pytest.mark.parametrize(
    ("names", "l2", "line"),
    [
        (["simba"], None, "unknown attack 'simba'; known: simba_l2, square_l2, square_linf"),
        ([], None, "unknown attack ''; known: "),
        (["simba_l2"], 0, "attack_epsilon_l2 is 0; give one grey level"),
        (["simba_l2"], 0.003, "attack_epsilon_l2 is 0.003; give one grey level"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused_in_one_line(names: list[str], l2: float | None, line: str) -> None:
    with pytest.raises(InputError, match=line):
        planned(names, l2=l2)


def test_the_images_are_chosen_by_their_ids_and_the_seed_alone() -> None:
    ids = [str(i) for i in range(100)]
    truth = dict.fromkeys(ids[:50], "cat")

    chosen = attack_figures.choose(ids, truth, 10, seed=1)

    assert (
        chosen
        == attack_figures.choose(ids[::-1], truth, 10, seed=1)
        == attack_figures.choose(ids, truth, 20, seed=1)[:10]
    )
    assert chosen != attack_figures.choose(ids, truth, 10, seed=2)
    assert set(chosen) < set(truth)


def test_without_a_known_label_there_is_nothing_to_attack() -> None:
    with pytest.raises(InputError, match="no test image has a known label"):
        attack_figures.choose(["a", "b"], {"c": "cat"}, 10, seed=0)


def test_pictures_are_of_the_first_images_that_both_models_have_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attack_figures, "SHOWN", 2)
    base, final = TRUTH | {"a": "dog"}, TRUTH

    assert attack_figures.shown(["a", "b", "c"], TRUTH, [base, final]) == {"b", "c"}
    assert attack_figures.shown(["a", "b"], TRUTH, [base, final]) == {"a", "b"}


def test_figures_count_images_that_were_wrong_before_apart() -> None:
    base = outcome("base", [3, 7, 10, 0], [True, True, False, False], right=[True, True, True, False])
    final = outcome("final", [5, 10, 10, 10], [True, False, False, False])

    found = attack_figures.figures(pd.concat([base, final]), PLAN)

    assert found["attack/images"] == 4
    assert (found["attack/base/already_wrong"], found["attack/final/already_wrong"]) == (1, 0)
    assert found["attack/simba_l2/base/success_rate"] == pytest.approx(2 / 3)
    assert found["attack/simba_l2/base/accuracy"] == 1 / 4
    assert found["attack/simba_l2/base/median_queries"] == 5
    assert found["attack/simba_l2/final/success_rate"] == 1 / 4
    assert found["attack/simba_l2/final/accuracy"] == 3 / 4
    assert found["attack/simba_l2/epsilon"] == 0.2
    assert found["attack/simba_l2/budget"] == 10
    assert found["attack/simba_l2/paired"] == 3
    assert found["attack/simba_l2/difference"] == pytest.approx(-1 / 3)
    assert found["attack/simba_l2/low"] <= -1 / 3 <= found["attack/simba_l2/high"]


def test_the_interval_of_a_success_rate_is_not_empty_where_all_or_none_are_fooled() -> None:
    rows = pd.concat([outcome("base", [1] * 20, [True] * 20), outcome("final", [10] * 20, [False] * 20)])

    found = attack_figures.figures(rows, PLAN)

    assert found["attack/simba_l2/base/success_low"] == pytest.approx(0.839, abs=1e-3)  # Wilson, 20 of 20
    assert found["attack/simba_l2/final/success_high"] == pytest.approx(1 - 0.839, abs=1e-3)
    assert "attack/simba_l2/final/median_queries" not in found
    assert found["attack/simba_l2/difference"] == -1


def test_a_model_that_has_nothing_right_has_no_success_rate() -> None:
    rows = pd.concat([outcome("base", [0, 0], [False] * 2, [False] * 2), outcome("final", [4, 6], [True] * 2)])

    found = attack_figures.figures(rows, PLAN)

    assert found["attack/simba_l2/base/accuracy"] == 0
    assert "attack/simba_l2/base/success_rate" not in found
    assert "attack/simba_l2/difference" not in found
    assert attack_figures.summary(found, PLAN) == "simba_l2 fools base -, final 100.0%"


def test_a_curve_is_the_share_fooled_after_so_many_queries() -> None:
    rows = outcome("base", [3, 7, 10, 0], [True, True, False, False], right=[True, True, True, False])

    curve = dict(attack_figures.curves(rows, 10)["attack/simba_l2/base/success_by_queries"])

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
