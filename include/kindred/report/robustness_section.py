"""How easily each model is fooled by small changes of the pixels, as the stage `attack` has measured it."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from kindred.data import contact_sheets, images
from kindred.evaluation.attacks import attack_figures, attack_plan
from kindred.learning import intervals
from kindred.report import plots
from kindred.report.blocks import Block, Plot, Section, Sheet, Table, Text, Tile
from kindred.report.score_table import points

TITLES = {name: attack.TITLE for name, attack in attack_plan.ATTACKS.items()}
MODELS = ("base", "final")
MAGNIFICATION = 10  # of differences, which are too small to be seen
NOT_RUN = "No attack was run."


def section(
    figures: dict[str, float], attacks: pd.DataFrame, pictures: pd.DataFrame, origins: Mapping[str, str]
) -> Section:
    """From the figures of the stage `attack` and its tables `attacks` and `attack_pictures`, all empty where it has not
    run, and the addresses of the pictured files by image id.
    """
    title = "Robustness"
    if attacks.empty:
        return Section("robustness", title, NOT_RUN)
    names = [name for name in TITLES if name in set(attacks["attack"])]
    caption = "By attack and model; success is among images that the model had right (95 % intervals: Wilson's)."
    blocks: list[Block] = [
        *(Text(sentence) for sentence in sentences(figures)),
        Table("attacks", caption, summary(figures, names)),
        _success_plot(attacks, names),
    ]
    for name in names:
        own = pictures[pictures["attack"] == name]
        if len(own):
            blocks += [_sheet(name, own, origins), _confidence_plot(name, own)]
    wrong = ", ".join(f"{model} {figures[f'attack/{model}/already_wrong']:,.0f}" for model in MODELS)
    headline = (
        f"{figures['attack/images']:,.0f} test images were attacked; those that were already wrong ({wrong}) are not "
        "counted as successes."
    )
    return Section("robustness", title, headline, blocks)


def sentences(figures: dict[str, float]) -> list[str]:
    """How final compares with base, a sentence for each attack; none where no attack was run."""
    if figures.get("attack/same_model"):
        return ["Final is base: one model was attacked, and there is no difference."]
    comparisons = []
    for name, title in TITLES.items():
        if f"attack/{name}/difference" in figures:
            by, low, high, paired = (figures[f"attack/{name}/{key}"] for key in ("difference", "low", "high", "paired"))
            verdict = attack_figures.verdict(low, high, int(paired))
            interval = f"95 % bootstrap interval {points(low)} to {points(high)}"
            comparisons.append(f"{title}: {verdict}, {points(by)} points of success ({interval}).")
    return comparisons


def summary(figures: dict[str, float], names: list[str]) -> pd.DataFrame:
    """A row for each attack and model."""
    rows = []
    for name in names:
        for model in MODELS:
            part = {
                key: figures.get(f"attack/{name}/{model}/{key}", np.nan)
                for key in ("success_rate", "success_low", "success_high", "median_queries", "accuracy")
            }
            limits = {key: figures.get(f"attack/{name}/{key}", np.nan) for key in ("epsilon", "budget")}
            rows.append({"attack": TITLES[name], "model": model, **part, **limits})
    return pd.DataFrame(rows)


def success_by_queries(attacks: pd.DataFrame) -> pd.DataFrame:
    """For the rows of one attack and model: after so many queries, the share of the images that are fooled, of those
    that the model had right, with the 95 % interval that the success rate has. Columns queries, share, low, high.
    """
    right = attacks[attacks["before"] == attacks["label"]]
    spent = np.sort(right.loc[right["success"], "queries"].to_numpy())
    end = max(attacks["queries"].max(), 0) if len(attacks) else 0
    fooled = np.append(np.arange(len(spent) + 1), len(spent))
    low, high = zip(*(intervals.share_interval(int(count), len(right)) for count in fooled), strict=True)
    share = fooled / max(len(right), 1)
    return pd.DataFrame({"queries": [0, *spent, end], "share": share, "low": low, "high": high})


def _success_plot(attacks: pd.DataFrame, names: list[str]) -> Plot:
    palette = plots.model_colours(MODELS)
    panels = []
    for name in names:
        figure, (axis,) = plots.figure(plots.PANEL, 3.2)
        for model in MODELS:
            curve = success_by_queries(attacks[(attacks["attack"] == name) & (attacks["model"] == model)])
            axis.step(curve["queries"], curve["share"], where="post", color=palette[model], label=model)
            axis.fill_between(
                curve["queries"].to_numpy(),
                curve["low"].to_numpy(),
                curve["high"].to_numpy(),
                step="post",
                color=palette[model],
                alpha=0.15,
                linewidth=0,
            )
        axis.set(title=TITLES[name], xlabel="queries", ylabel="share that is fooled", ylim=(0, 1.02))
        plots.legend_inside(axis, fontsize=8)
        panels.append(plots.svg(figure))
    caption = (
        "How many images are fooled by how many queries, with 95 % intervals (Wilson's): the lower, the more robust."
    )
    return Plot("success", caption, panels)


def _sheet(name: str, pictures: pd.DataFrame, origins: Mapping[str, str]) -> Sheet:
    tiles = []
    for row in pictures.sort_values(["image_id", "model"]).to_dict("records"):
        lines = (
            row["model"],
            f"before: {row['before']} {row['before_confidence']:.2f}",
            f"after: {row['after']} {row['after_confidence']:.2f}",
        )
        tiles.append(Tile(_side_by_side(row["original"], row["attacked"]), lines, (origins[row["image_id"]],)))
    caption = f"{TITLES[name]}: original, attacked, and their difference, magnified {MAGNIFICATION} times."
    return Sheet(f"pictures-{name}", caption, tiles, ("model", "before", "after"))


def _side_by_side(original_png: bytes, attacked_png: bytes) -> np.ndarray:
    """The original, the attacked image, and their difference around grey: uint8 [h, w, 3]."""
    original, attacked = images.decode(original_png), images.decode(attacked_png)
    attacked = images.fit(attacked, original.shape[:2], original.shape[2])
    difference = 128 + MAGNIFICATION * (attacked.astype(int) - original.astype(int))
    parts = [original, attacked, np.clip(difference, 0, 255).astype(np.uint8)]
    return contact_sheets.mosaic([images.fit(part, original.shape[:2], 3) for part in parts], columns=3)


def _confidence_plot(name: str, pictures: pd.DataFrame) -> Plot:
    palette = plots.model_colours(MODELS)
    figure, (axes,) = plots.figure(plots.PANEL, 3)
    for model in MODELS:
        for i, row in enumerate(pictures[pictures["model"] == model].to_dict("records")):
            label = model if i == 0 else None
            axes.plot(row["queries"], row["true_confidence"], color=palette[model], label=label)
    axes.set(xlabel="queries", ylabel="confidence in the true class", ylim=(0, 1.02))
    plots.legend_inside(axes, fontsize=8)
    caption = f"{TITLES[name]}: confidence in the true class during the attack."
    return Plot(f"course-{name}", caption, [plots.svg(figure)])
