"""Which images are attacked and how far: numbers that can be checked in the head."""

import numpy as np
import pandas as pd
import pytest

from kindred.evaluation.attacks import attack_plan, spark_attacks
from kindred.evaluation.attacks.simba import SimBA
from kindred.runtime.errors import InputError

TRUTH = {"a": "cat", "b": "dog", "c": "cat"}


class Whitening(SimBA):
    """An attack whose name does not tell its norm."""

    TITLE = "Whitening"
    NORM = "linf"

    def propose(self, query: int, best: np.ndarray, active: np.ndarray) -> np.ndarray:
        return np.minimum(self.images[active] + np.uint8(self.epsilon), 255)


def planned(
    names: list[str], l2: float | None = None, linf: float | None = None, size: tuple[int, ...] = (96, 96, 3)
) -> dict[str, float]:
    return attack_plan.make_plan(names, 100, {"l2": l2, "linf": linf}, size, seed=0).epsilons


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

    chosen = attack_plan.choose_images(ids, truth, 10, seed=1)

    assert (
        chosen
        == attack_plan.choose_images(ids[::-1], truth, 10, seed=1)
        == attack_plan.choose_images(ids, truth, 20, seed=1)[:10]
    )
    assert chosen != attack_plan.choose_images(ids, truth, 10, seed=2)
    assert set(chosen) < set(truth)


def test_without_a_known_label_there_is_nothing_to_attack() -> None:
    with pytest.raises(InputError, match="no test image has a known label"):
        attack_plan.choose_images(["a", "b"], {"c": "cat"}, 10, seed=0)


def test_pictures_are_of_the_first_images_that_both_models_have_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attack_plan, "PICTURED", 2)
    base, final = TRUTH | {"a": "dog"}, TRUTH

    assert attack_plan.pictured_images(["a", "b", "c"], TRUTH, [base, final]) == {"b", "c"}
    assert attack_plan.pictured_images(["a", "b"], TRUTH, [base, final]) == {"a", "b"}


def test_an_attacks_norm_is_its_own_whatever_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(attack_plan.ATTACKS, "whitening_by_steps", Whitening)
    images, labels = np.full((1, 2, 2, 1), 100, np.uint8), np.array([0])

    plan = attack_plan.make_plan(["whitening_by_steps"], 2, {"l2": 0.5, "linf": 8.5 / 255}, (2, 2, 1), seed=0)
    outcome = spark_attacks.attack(plan, "whitening_by_steps", less_sure_of_bright_images, ["a"], labels, images)
    chosen = pd.DataFrame({"image_id": ["a"], "label": ["cat"], "pictured": [False]})
    rows = spark_attacks.outcome_rows("whitening_by_steps", "base", chosen, images, outcome, ["cat", "dog"])

    assert plan.epsilons == {"whitening_by_steps": 8}
    assert rows["distance"].tolist() == pytest.approx([8 / 255])  # of four pixels; their L2 norm is twice as long


def less_sure_of_bright_images(pixels: np.ndarray) -> np.ndarray:
    first = 0.9 - pixels.mean(axis=(1, 2, 3)) / 1000
    return np.stack([first, 1 - first], axis=1)
