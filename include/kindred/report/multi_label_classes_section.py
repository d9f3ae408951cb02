"""How well each class is ranked and predicted, where images have several labels."""

import numpy as np
import pandas as pd

from kindred.evaluation import multi_label_scoring
from kindred.report import plots
from kindred.report.blocks import Block, Plot, Section, Table, Text
from kindred.report.scored_images import NOT_TESTED
from kindred.report.scored_sets import ScoredSets

MAX_CLASSES = 30  # of the plot: those that final ranks worst
BY_MODEL = ("average_precision", "precision", "recall", "f1", "threshold", "calibration_error")


def section(test: ScoredSets) -> Section:
    """From the scored test images."""
    if not len(test.ids):
        return Section("classes", "Classes", NOT_TESTED)
    table = by_class(test)
    ranked = table.dropna(subset=f"average precision {test.final}")
    blocks: list[Block] = []
    if without := table.index.difference(ranked.index).tolist():
        text = f"No test image has {', '.join(without[:10])}{' and others' if len(without) > 10 else ''}: "
        blocks.append(Text(f"{text}nothing is ranked there, and means over classes leave them out."))
    if len(ranked):
        blocks.append(_plot(ranked.tail(MAX_CLASSES), test, len(ranked)))
    caption = (
        "The scores of each class over the test images of which it is known, the best ranked first. An image counts as "
        "having a class from its threshold on; the calibration error is that of the class's own probability."
    )
    blocks.append(
        Table("scores", f"{caption} classes-scores.csv has more.", table.reset_index(), _texts(table, test), open=True)
    )
    return Section("classes", "Classes", headline(ranked, test), blocks)


def by_class(test: ScoredSets) -> pd.DataFrame:
    """The rows of `multi_label_scoring.by_class`, with a column of each score for each model, sorted by the final
    model's average precision, the best first.
    """
    of_models = {
        model: multi_label_scoring.by_class(values, test.limits[model], test.labels, test.classes)
        for model, values in test.models.items()
    }
    table = of_models[test.final][["present", "absent", "unknown"]].copy()
    for score in BY_MODEL:
        for model, own in of_models.items():
            table[f"{score.replace('_', ' ')} {model}"] = own[score]
    return table.sort_values(f"average precision {test.final}", ascending=False, kind="stable")


def _texts(table: pd.DataFrame, test: ScoredSets) -> pd.DataFrame:
    """The table as a person reads it: what most ask for of a class."""
    columns = {f"average precision {model}": f"AP {model}" for model in test.models}
    columns |= {f"f1 {model}": f"F1 {model}" for model in test.models}
    columns |= {f"{name} {test.final}": f"{name} {test.final}" for name in ("threshold", "calibration error")}
    texts = table[["present", "absent", "unknown"]].copy()
    for name, title in columns.items():
        texts[title] = ["–" if pd.isna(value) else f"{value:.3f}" for value in table[name]]
    return texts.reset_index()


def headline(ranked: pd.DataFrame, test: ScoredSets) -> str:
    """Which class final ranks best, and which worst."""
    if ranked.empty:
        return "No test image has any of the classes."
    column = f"average precision {test.final}"
    mean = f"Mean average precision of {test.final} over {len(ranked)} classes: {ranked[column].mean():.1%}"
    best, worst = ranked.index[0], ranked.index[-1]
    if len(ranked) == 1:
        return f"Average precision of {test.final} in {best}: {ranked[column].iloc[0]:.1%}."
    return f"{mean}; best {best} ({ranked[column].iloc[0]:.1%}), worst {worst} ({ranked[column].iloc[-1]:.1%})."


def _plot(ranked: pd.DataFrame, test: ScoredSets, classes: int) -> Plot:
    """Average precision by model, and on how many test images each class is present."""
    drawn = ranked.set_axis([f"{plots.short_name(str(n))} ({c:,})" for n, c in ranked["present"].items()])
    models = list(test.models)
    values = pd.DataFrame({model: drawn[f"average precision {model}"] for model in models})
    figure, (axes,) = plots.figure(1.3 * plots.PANEL, 0.9 + len(drawn) * max(0.26, 0.16 * len(models)))
    plots.grouped_bars(axes, values, plots.model_colours(models))
    share = (drawn["present"] / (drawn["present"] + drawn["absent"])).to_numpy()
    places = np.arange(len(drawn))
    axes.plot(share, places, "|", color="black", markersize=12, label="random order")
    axes.set_yticks(places, drawn.index)
    axes.set(xlabel="average precision", xlim=(0, 1))
    axes.set_xticks(np.linspace(0, 1, 6))
    plots.legend_above(axes)
    part = f" The {MAX_CLASSES} worst of {classes} classes." if classes > len(drawn) else ""
    caption = (
        "Average precision of each class, with the number of test images that have it; a line marks what a random "
        f"order has: the share of the images that have the class.{part}"
    )
    return Plot("average-precision", caption, [plots.svg(figure)])
