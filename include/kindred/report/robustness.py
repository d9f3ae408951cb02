"""How easily each model is fooled by small changes of the pixels, as the stage `attack` has measured it."""

import numpy as np
import pandas as pd

from kindred.data import contact_sheets, images
from kindred.evaluation.attacks import attack_figures, attack_plan
from kindred.learning import intervals
from kindred.report import plots
from kindred.report.blocks import Plot, Section, Sheet, Table, Text, Tile
from kindred.report.verdict import points

TITLES = {name: attack.TITLE for name, attack in attack_plan.ATTACKS.items()}
MODELS = ("base", "final")
MAGNIFIED = 10  # times: differences are too small to be seen
NONE = "Not asked for in this run."


def section(figures: dict[str, float], attacks: pd.DataFrame, pictures: pd.DataFrame) -> Section:
    """From the figures of the stage `attack` and its tables `attacks` and `attack_pictures`; all empty where it has not
    run.
    """
    title = "Robustness"
    if attacks.empty:
        return Section("robustness", title, NONE)
    names = [name for name in TITLES if name in set(attacks["attack"])]
    blocks = [Text(line) for line in statements(figures)]
    blocks.append(
        Table(
            "attacks",
            "By attack and model; success is among images that the model had right (95 % intervals: Wilson's).",
            summary(figures, names),
        )
    )
    blocks.append(_success(attacks, names))
    for name in names:
        own = pictures[pictures["attack"] == name]
        if len(own):
            blocks += [_sheet(name, own), _course(name, own)]
    wrong = ", ".join(f"{figures[f'attack/{m}/already_wrong']:,.0f} by {m}" for m in MODELS)
    said = f"{figures['attack/images']:,.0f} test images were attacked; those already wrong ({wrong}) count apart."
    return Section("robustness", title, said, blocks)


def statements(figures: dict[str, float]) -> list[str]:
    """What the attacks say of final beside base, a sentence each, worded by the interval; none where there was none."""
    if figures.get("attack/same_model"):
        return ["Final is base, so there is one model to fool, and no difference."]
    found = []
    for name, title in TITLES.items():
        if f"attack/{name}/difference" in figures:
            by, low, high, paired = (figures[f"attack/{name}/{key}"] for key in ("difference", "low", "high", "paired"))
            so = attack_figures.verdict(low, high, int(paired))
            found.append(
                f"{title}: {so}, {points(by)} points of success "
                f"(95 % bootstrap interval {points(low)} to {points(high)})."
            )
    return found


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


def _success(attacks: pd.DataFrame, names: list[str]) -> Plot:
    palette = plots.model_colours(list(MODELS))
    figure, axes = plots.figure(1 + 3.6 * len(names), 3.4, columns=len(names), sharey=True)
    for axis, name in zip(axes, names, strict=True):
        for model in MODELS:
            own = attacks[(attacks["attack"] == name) & (attacks["model"] == model)]
            curve = success_by_queries(own)
            axis.step(curve["queries"], curve["share"], where="post", color=palette[model], label=model)
            band = {"step": "post", "color": palette[model], "alpha": 0.15, "linewidth": 0}
            axis.fill_between(curve["queries"], curve["low"], curve["high"], **band)
        axis.set(
            title=TITLES[name],
            xlabel="queries",
            ylabel="share that is fooled" if axis is axes[0] else "",
            ylim=(0, 1.02),
        )
        axis.legend()
    return Plot(
        "success",
        "How many images are fooled by how many queries, with 95 % intervals (Wilson's): the lower, the more robust.",
        plots.png(figure),
    )


def _sheet(name: str, pictures: pd.DataFrame) -> Sheet:
    tiles = []
    for row in pictures.sort_values(["image_id", "model"]).to_dict("records"):
        original, attacked = (images.decode(row[key]) for key in ("original", "attacked"))
        attacked = images.fit(attacked, original.shape[:2], original.shape[2])
        difference = 128 + MAGNIFIED * (attacked.astype(int) - original.astype(int))
        parts = [original, attacked, np.clip(difference, 0, 255).astype(np.uint8)]
        picture = contact_sheets.mosaic([images.fit(part, original.shape[:2], 3) for part in parts], columns=3)
        lines = (
            row["model"],
            f"before: {row['before']} {row['before_confidence']:.2f}",
            f"after: {row['after']} {row['after_confidence']:.2f}",
        )
        tiles.append(Tile(picture, lines))
    said = f"{TITLES[name]}: original, attacked, and their difference {MAGNIFIED} times."
    return Sheet(f"pictures-{name}", said, tiles, ("model", "before", "after"))


def _course(name: str, pictures: pd.DataFrame) -> Plot:
    palette = plots.model_colours(list(MODELS))
    figure, (axes,) = plots.figure(6, 3)
    for model in MODELS:
        for i, row in enumerate(pictures[pictures["model"] == model].to_dict("records")):
            axes.plot(row["queries"], row["true_confidence"], color=palette[model], label=model if i == 0 else None)
    axes.set(xlabel="queries", ylabel="confidence in the true class", ylim=(0, 1.02))
    axes.legend()
    return Plot(
        f"course-{name}", f"{TITLES[name]}: confidence in the true class as the attack goes on.", plots.png(figure)
    )
