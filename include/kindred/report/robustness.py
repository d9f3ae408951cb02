"""How easily each model is fooled by small changes of the pixels, as the stage `attack` has measured it."""

import numpy as np
import pandas as pd

from kindred import images, plots
from kindred.report import Plot, Section, Sheet, Table, Text, Tile

TITLES = {"simba_l2": "SimBA (L2)", "square_l2": "Square Attack (L2)", "square_linf": "Square Attack (L-infinity)"}
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
            "attacks", "By attack and model; success is among images that the model had right.", summary(figures, names)
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
    found = []
    for name, title in TITLES.items():
        key = f"attack/{name}/difference"
        if key in figures:
            low, high = figures[f"{key}/low"], figures[f"{key}/high"]
            images_ = f"{figures['attack/images']:,.0f} images"
            so = (
                "final is harder to fool"
                if high < 0
                else "final is easier to fool"
                if low > 0
                else f"no difference shown with {images_}"
            )
            by = f"{100 * figures[key]:+.1f} points of success ({100 * low:+.1f} to {100 * high:+.1f})"
            found.append(f"{title}: {so}, {by}.")
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


def success_by_queries(attacks: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of queries and the share of the images, of those that the model had right, that are fooled by then: for
    the rows of one attack and model.
    """
    right = attacks[attacks["before"] == attacks["label"]]
    spent = np.sort(right.loc[right["success"], "queries"].to_numpy())
    return np.concatenate([[0], spent]), np.arange(len(spent) + 1) / max(len(right), 1)


def _success(attacks: pd.DataFrame, names: list[str]) -> Plot:
    palette = plots.model_colours(list(MODELS))
    figure, axes = plots.figure(1 + 3.6 * len(names), 3.4, columns=len(names), sharey=True)
    for axis, name in zip(axes, names, strict=True):
        for model in MODELS:
            own = attacks[(attacks["attack"] == name) & (attacks["model"] == model)]
            queries, share = success_by_queries(own)
            end = max(own["queries"].max(), queries[-1]) if len(own) else 0
            axis.step([*queries, end], [*share, share[-1]], where="post", color=palette[model], label=model)
        axis.set(
            title=TITLES[name],
            xlabel="queries",
            ylabel="share that is fooled" if axis is axes[0] else "",
            ylim=(0, 1.02),
        )
        axis.legend()
    return Plot(
        "success", "How many images are fooled by how many queries: the lower, the more robust.", plots.png(figure)
    )


def _sheet(name: str, pictures: pd.DataFrame) -> Sheet:
    tiles = []
    for row in pictures.sort_values(["image_id", "model"]).to_dict("records"):
        original, attacked = (images.decode(row[key]) for key in ("original", "attacked"))
        attacked = images.fit(attacked, original.shape[:2], original.shape[2])
        difference = 128 + MAGNIFIED * (attacked.astype(int) - original.astype(int))
        parts = [original, attacked, np.clip(difference, 0, 255).astype(np.uint8)]
        picture = images.mosaic([images.fit(part, original.shape[:2], 3) for part in parts], columns=3)
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
