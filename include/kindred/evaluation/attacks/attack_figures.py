"""How easily base and final are fooled: which test images are attacked and how far, and what the outcome says.

`fooling` does the work between these two, by the methods in `simba` and `square`.
"""

import hashlib

import numpy as np
import pandas as pd

from kindred.evaluation.attacks.black_box import SLACK, TOP
from kindred.evaluation.attacks.spark_attacks import ATTACKS, Plan, norm_of
from kindred.learning import intervals
from kindred.runtime.errors import InputError

IMAGES, QUERIES = {False: 200, True: 50}, {False: 1000, True: 500}  # is the extractor a network?
SHOWN = 8  # images of which pictures are kept
CURVE_POINTS = 50
FEWEST = 10  # images that can show a difference: with fewer, all of a resample are easily alike


def plan(names: list[str], queries: int, epsilons: dict[str, float | None], size: tuple[int, ...], seed: int) -> Plan:
    """The plan for images of `size` (height, width, channels). `epsilons`: by norm (l2, linf), 1 being the whole range;
    null is `default_epsilon`. Raises InputError for an unknown attack and for a bound below one grey level.
    """
    if unknown := sorted(set(names) - set(ATTACKS)) or ([] if names else [""]):
        raise InputError(f"unknown attack {unknown[0]!r}; known: {', '.join(ATTACKS)}")
    bounds = {}
    for name in sorted(set(names)):
        given = epsilons[norm_of(name)]
        levels = default_epsilon(norm_of(name), size) if given is None else given * TOP
        if levels + SLACK < 1:
            raise InputError(f"attack_epsilon_{norm_of(name)} is {given:g}; give one grey level (1/255) or more")
        bounds[name] = float(np.floor(levels + SLACK)) if norm_of(name) == "linf" else levels
    return Plan(bounds, queries, seed)


def default_epsilon(norm: str, size: tuple[int, ...]) -> float:
    """Grey levels. L-infinity: 0.3 of the range over the root of the side, which is 8/255 at 96 px (usual for
    photographs), 27/255 at 8 px. L2: the length of a change by half as much in every value.
    """
    height, width, channels = size
    linf = max(1, round(TOP * 0.3 / (height * width) ** 0.25))
    return linf if norm == "linf" else linf / 2 * (height * width * channels) ** 0.5


def choose(ids: list[str], truth: dict[str, str], count: int, seed: int) -> list[str]:
    """The first `count` of the images whose truth is known, in the order of the hash of id and seed."""
    known = sorted((i for i in ids if i in truth), key=lambda i: hashlib.sha256(f"{i}:{seed}".encode()).hexdigest())
    if not known:
        raise InputError("no test image has a known label, so nothing can be attacked")
    return known[:count]


def shown(chosen: list[str], truth: dict[str, str], predictions: list[dict[str, str]]) -> set[str]:
    """The images of which pictures are kept: the first that all models get right, then the first of the others."""
    wrong = {i for i in chosen if any(found.get(i) != truth[i] for found in predictions)}
    return set(sorted(chosen, key=wrong.__contains__)[:SHOWN])


def figures(found: pd.DataFrame, plan: Plan) -> dict[str, float]:
    """What the table attacks says, by name. Success is of the images that a model had right, the difference (final
    minus base) of those that both had right.
    """
    values: dict[str, float] = {"attack/images": found["image_id"].nunique()}
    found = found.assign(right=found["before"] == found["label"])
    for name, some in found.groupby("attack"):
        values |= {f"attack/{name}/epsilon": plan.epsilons[name] / TOP, f"attack/{name}/budget": plan.budget}
        for model, own in some.groupby("model"):
            values[f"attack/{model}/already_wrong"] = int((~own["right"]).sum())
            values |= {f"attack/{name}/{model}/{key}": value for key, value in _scores(own).items()}
        both = some.pivot(index="image_id", columns="model", values=["right", "success"]).astype(float)
        both = both["success"][both["right"].all(axis=1)]
        if len(both):
            difference = (both["final"] - both["base"]).to_numpy()
            low, high = intervals.mean_interval(difference)
            found_here = {"difference": difference.mean(), "low": low, "high": high, "paired": len(both)}
            values |= {f"attack/{name}/{key}": float(value) for key, value in found_here.items()}
    return values


def curves(found: pd.DataFrame, budget: int) -> dict[str, list[tuple[int, float]]]:
    """For each attack and model the share of images fooled, of those that were right, after so many queries."""
    asked = np.unique(np.linspace(0, budget, CURVE_POINTS + 1).round().astype(int))
    right = found[found["before"] == found["label"]]
    curves = {}
    for (name, model), some in right.groupby(["attack", "model"]):
        needed = some["queries"].astype(float).where(some["success"], np.inf).to_numpy()
        shares = (needed[None, :] <= asked[:, None]).mean(axis=1)
        curves[f"attack/{name}/{model}/success_by_queries"] = list(zip(asked.tolist(), shares.tolist(), strict=True))
    return curves


def summary(values: dict[str, float], plan: Plan) -> str:
    """One line for the console."""
    said = []
    for name in plan.epsilons:
        rates = [values.get(f"attack/{name}/{model}/success_rate") for model in ("base", "final")]
        base, final = ("-" if rate is None else f"{rate:.1%}" for rate in rates)
        said.append(f"{name} fools base {base}, final {final}")
        if f"attack/{name}/low" in values:
            low, high, images = (values[f"attack/{name}/{key}"] for key in ("low", "high", "paired"))
            said[-1] += f" ({verdict(low, high, int(images))})"
    return "; ".join(said)


def verdict(low: float, high: float, images: int) -> str:
    """In words: the 95 % interval of the difference (final minus base) in success on so many images."""
    if images < FEWEST:
        return f"too few images ({images}) to tell"
    if high < 0:
        return "final is harder to fool"
    return "final is easier to fool" if low > 0 else f"no difference shown with {images} images"


def _scores(own: pd.DataFrame) -> dict[str, float]:
    """Of one model under one attack."""
    right, fooled = int(own["right"].sum()), int(own["success"].sum())
    found = {"accuracy": (right - fooled) / len(own)}
    if right:
        low, high = intervals.share_interval(fooled, right)
        found |= {"success_rate": fooled / right, "success_low": low, "success_high": high}
    if fooled:
        found["median_queries"] = own["queries"][own["success"]].median()
    return {name: float(value) for name, value in found.items()}
