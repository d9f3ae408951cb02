"""The figures of the attacks: how easily base and final are fooled, and whether one is harder to fool."""

from typing import Any

import numpy as np
import pandas as pd

from kindred.evaluation.attacks.attack_plan import AttackPlan
from kindred.evaluation.attacks.black_box import MAX_LEVEL
from kindred.learning import intervals

CURVE_POINTS = 50
MIN_IMAGES = 10  # that can show a difference: with fewer, all of a resample are easily alike


def figures(attacks: pd.DataFrame, plan: AttackPlan) -> dict[str, float]:
    """From the table `attacks`, by name. Success is of the images that a model had right, the difference (final
    minus base) of those that both had right.
    """
    values: dict[str, float] = {"attack/images": attacks["image_id"].nunique()}
    attacks = attacks.assign(right=attacks["before"] == attacks["label"])
    for name, rows in attacks.groupby("attack"):
        values |= {f"attack/{name}/epsilon": plan.epsilons[str(name)] / MAX_LEVEL, f"attack/{name}/budget": plan.budget}
        for model, own in rows.groupby("model"):
            values[f"attack/{model}/already_wrong"] = int((~own["right"]).sum())
            values |= {f"attack/{name}/{model}/{key}": value for key, value in _of_model(own).items()}
        values |= {f"attack/{name}/{key}": value for key, value in _difference(rows).items()}
    return values


def success_curves(attacks: pd.DataFrame, budget: int) -> dict[str, list[tuple[int, float]]]:
    """For each attack and model the share of images fooled, of those that were right, after so many queries."""
    points = np.unique(np.linspace(0, budget, CURVE_POINTS + 1).round().astype(int))
    right = attacks[attacks["before"] == attacks["label"]]
    curves = {}
    for (name, model), rows in right.groupby(["attack", "model"]):
        needed = rows["queries"].astype(float).where(rows["success"], np.inf).to_numpy()
        shares = (needed[None, :] <= points[:, None]).mean(axis=1)
        curves[f"attack/{name}/{model}/success_by_queries"] = list(zip(points.tolist(), shares.tolist(), strict=True))
    return curves


def summary(values: dict[str, float], plan: AttackPlan) -> str:
    """One line for the console, from `figures`."""
    parts = []
    for name in plan.epsilons:
        rates = [values.get(f"attack/{name}/{model}/success_rate") for model in ("base", "final")]
        base, final = ("-" if rate is None else f"{rate:.1%}" for rate in rates)
        parts.append(f"{name} fools base {base}, final {final}")
        if f"attack/{name}/low" in values:
            low, high, images = (values[f"attack/{name}/{key}"] for key in ("low", "high", "paired"))
            parts[-1] += f" ({verdict(low, high, int(images))})"
    return "; ".join(parts)


def verdict(low: float, high: float, images: int) -> str:
    """In words: the 95 % interval of the difference (final minus base) in success on so many images.

    >>> verdict(-0.2, -0.01, 200), verdict(-0.1, 0.1, 200)
    ('final is harder to fool', 'no difference shown with 200 images')
    """
    if images < MIN_IMAGES:
        return f"too few images ({images}) to tell"
    if high < 0:
        return "final is harder to fool"
    return "final is easier to fool" if low > 0 else f"no difference shown with {images} images"


def _of_model(own: pd.DataFrame) -> dict[str, float]:
    """Of one model under one attack."""
    right, fooled = int(own["right"].sum()), int(own["success"].sum())
    values: dict[str, Any] = {"accuracy": (right - fooled) / len(own)}
    if right:
        low, high = intervals.share_interval(fooled, right)
        values |= {"success_rate": fooled / right, "success_low": low, "success_high": high}
    if fooled:
        values["median_queries"] = own["queries"][own["success"]].median()
    return {name: float(value) for name, value in values.items()}


def _difference(rows: pd.DataFrame) -> dict[str, float]:
    """Of the models under one attack, final minus base; empty where no image was right for both."""
    right, success = (
        rows.pivot(index="image_id", columns="model", values=name).astype(float) for name in ("right", "success")
    )
    success = success[right.all(axis=1)]
    if success.empty:
        return {}
    difference = (success["final"] - success["base"]).to_numpy()
    low, high = intervals.mean_interval(difference)
    return {"difference": float(difference.mean()), "low": low, "high": high, "paired": float(len(success))}
