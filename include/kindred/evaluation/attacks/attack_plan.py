"""Which attacks there are, how far each may go, and which test images are attacked."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kindred.evaluation.attacks.black_box import MAX_LEVEL, ROUNDING, Attack
from kindred.evaluation.attacks.simba import SimBA
from kindred.evaluation.attacks.square import SquareL2, SquareLinf
from kindred.runtime.errors import InputError

# By the name that stands in the form, in tables and in figures.
ATTACKS: dict[str, type[Attack]] = {"simba_l2": SimBA, "square_l2": SquareL2, "square_linf": SquareLinf}
# By whether the extractor is a network, which takes a hundred times as long to answer.
DEFAULT_IMAGES, DEFAULT_QUERIES = {False: 200, True: 50}, {False: 1000, True: 500}
PICTURED = 8  # images of which pictures are kept


@dataclass(frozen=True)
class AttackPlan:
    """What is done to each image: the attacks by name with their bounds in grey levels, and the queries for each."""

    epsilons: dict[str, float]
    budget: int
    seed: int


def make_plan(
    names: list[str], queries: int, epsilons: Mapping[str, float | None], size: Sequence[int], seed: int
) -> AttackPlan:
    """The plan for images of `size` (height, width, channels). `epsilons`: by norm (l2, linf), 1 being the whole range;
    null is `default_epsilon`. Raises InputError for an unknown attack and for a bound below one grey level.

    >>> make_plan(["square_linf"], 100, {"l2": None, "linf": None}, (96, 96, 3), seed=0).epsilons
    {'square_linf': 8.0}
    """
    if unknown := sorted(set(names) - set(ATTACKS)) or ([] if names else [""]):
        raise InputError(f"unknown attack {unknown[0]!r}; known: {', '.join(ATTACKS)}")
    bounds = {}
    for name in sorted(set(names)):
        norm = ATTACKS[name].NORM
        given = epsilons[norm]
        levels = default_epsilon(norm, size) if given is None else given * MAX_LEVEL
        if levels + ROUNDING < 1:
            raise InputError(f"attack_epsilon_{norm} is {given:g}; give one grey level (1/255) or more")
        bounds[name] = float(np.floor(levels + ROUNDING)) if norm == "linf" else levels
    return AttackPlan(bounds, queries, seed)


def default_epsilon(norm: str, size: Sequence[int]) -> float:
    """Grey levels. L-infinity: 0.3 of the range over the root of the side, which is 8/255 at 96 px (usual for
    photographs), 27/255 at 8 px. L2: the length of a change by half as much in every value.
    """
    height, width, channels = size
    linf = max(1, round(MAX_LEVEL * 0.3 / (height * width) ** 0.25))
    return linf if norm == "linf" else float(linf / 2 * (height * width * channels) ** 0.5)


def choose_images(ids: list[str], truth: Mapping[str, str], count: int, seed: int) -> list[str]:
    """The first `count` of the images whose truth is known, in the order of the hash of id and seed. Raises InputError
    where no truth is known.
    """
    known = sorted((i for i in ids if i in truth), key=lambda i: hashlib.sha256(f"{i}:{seed}".encode()).hexdigest())
    if not known:
        raise InputError("no test image has a known label, so nothing can be attacked")
    return known[:count]


def pictured_images(chosen: list[str], truth: Mapping[str, str], predictions: Sequence[Mapping[str, str]]) -> set[str]:
    """The images of which pictures are kept: the first that all models get right, then the first of the others.
    `predictions`: of each model, by id.
    """
    wrong = {i for i in chosen if any(of_model.get(i) != truth[i] for of_model in predictions)}
    return set(sorted(chosen, key=wrong.__contains__)[:PICTURED])
