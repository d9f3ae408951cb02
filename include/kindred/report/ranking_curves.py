"""How well each model ranks the classes: ROC and precision-recall curves, and the areas under them."""

from typing import Any, Literal

import numpy as np
import pandas as pd
import sklearn
from sklearn import metrics

from kindred.report import plots
from kindred.report.blocks import Plot
from kindred.report.scored_images import ScoredImages
from kindred.report.scored_sets import ScoredSets

Kind = Literal["roc", "precision-recall"]
MAX_CLASSES = 10  # with a curve of their own: those that are ranked worst
MAX_DECISIONS = 2e6  # images times classes behind an averaged curve: with more of them, the first in id order
TITLES = {"roc": "ROC curves", "precision-recall": "Precision-recall curves"}
AXES = {"roc": ("false positive rate", "true positive rate"), "precision-recall": ("recall", "precision")}
EMPTY_CORNER: dict[Kind, Literal["lower right", "lower left"]] = {
    "roc": "lower right",
    "precision-recall": "lower left",
}  # room for a legend
PERFECT_CORNER = {"roc": "upper left", "precision-recall": "upper right"}


def areas_by_class(test: ScoredImages | ScoredSets) -> pd.DataFrame:
    """For each class that some but not all test images are of: its images, and by model the areas under the ROC and
    (as average precision) the precision-recall curve.
    """
    rows = []
    with sklearn.config_context(assume_finite=True, skip_parameter_validation=True):  # half the time of many classes
        for i, name in enumerate(test.classes):
            row: dict[str, Any] = {"class": name}
            for model in test.models:
                positive, probability = test.of_class(model, i)
                if positive.any() and not positive.all():
                    row["images"] = int(positive.sum())
                    row[f"ROC AUC {model}"] = metrics.roc_auc_score(positive, probability)
                    row[f"average precision {model}"] = metrics.average_precision_score(positive, probability)
            if "images" in row:
                rows.append(row)
    return pd.DataFrame(rows)


def worst_classes(areas: pd.DataFrame, model: str) -> list[str]:
    """The classes of the smallest average precision, at most MAX_CLASSES, in their order."""
    lowest = areas.sort_values(f"average precision {model}", kind="stable")["class"].head(MAX_CLASSES)
    return [name for name in areas["class"] if name in set(lowest)]


def curve_points(kind: Kind, positive: np.ndarray, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The points of a curve of AXES, from which decisions are positive [n] and their probabilities [n].

    >>> x, y = curve_points("roc", np.array([False, True]), np.array([0.2, 0.9]))
    >>> x.tolist(), y.tolist()
    ([0.0, 0.0, 1.0], [0.0, 1.0, 1.0])
    """
    if kind == "roc":
        false_positive_rate, true_positive_rate, _ = metrics.roc_curve(positive, probability)
        return false_positive_rate, true_positive_rate
    precision, recall, _ = metrics.precision_recall_curve(positive, probability)
    return recall, precision


def class_curves(kind: Kind, test: ScoredImages | ScoredSets, drawn: list[str]) -> Plot:
    """The curves of the classes `drawn`, each against all others, and the averaged one; a panel for each model."""
    colours = plots.class_colours(test.classes)
    x_label, y_label = AXES[kind]
    panels = []
    for model in test.models:
        figure, (axis,) = plots.figure(plots.PANEL, 4)
        for name in drawn:
            line = curve_points(kind, *test.of_class(model, test.classes.index(name)))
            axis.plot(*line, color=colours[name], linewidth=1, label=plots.short_name(name))
        line = curve_points(kind, *_decisions(test, model))
        axis.plot(*line, color="black", linewidth=2, linestyle="--", label="all decisions")
        axis.set(title=model, xlabel=x_label, ylabel=y_label, xlim=(0, 1), ylim=(0, 1.01))
        plots.legend_inside(axis, loc=EMPTY_CORNER[kind], fontsize=7.5)
        panels.append(plots.svg(figure))
    against = "the images without it" if isinstance(test, ScoredSets) else "the others"
    caption = (
        f"{TITLES[kind]}, each class against {against}, and all decisions together; the {PERFECT_CORNER[kind]} corner "
        "is perfect."
    )
    if len(test.classes) > MAX_CLASSES:
        caption += f" The {MAX_CLASSES} classes that are ranked worst are drawn."
    return Plot(kind, caption, panels)


def averaged_curves(kind: Kind, test: ScoredImages | ScoredSets) -> Plot:
    """The averaged curve of each model, with the area under it."""
    area_of = metrics.roc_auc_score if kind == "roc" else metrics.average_precision_score
    palette = plots.model_colours(list(test.models))
    x_label, y_label = AXES[kind]
    figure, (axes,) = plots.figure(plots.PANEL, 4)
    for model in test.models:
        positive, probability = _decisions(test, model)
        label = f"{plots.short_name(model)} (area {area_of(positive, probability):.4f})"
        axes.plot(*curve_points(kind, positive, probability), color=palette[model], label=label)
    axes.set(xlabel=x_label, ylabel=y_label, xlim=(0, 1), ylim=(0, 1.01))
    plots.legend_inside(axes, fontsize=8)
    return Plot(kind, f"{TITLES[kind]}, averaged over all decisions.", [plots.svg(figure)])


def _decisions(test: ScoredImages | ScoredSets, model: str) -> tuple[np.ndarray, np.ndarray]:
    """Whether each decision, image by image and class by class, is positive, and its probability."""
    return test.decisions(model, max(1, int(MAX_DECISIONS / len(test.classes))))
