"""How well each model ranks, whether its confidence can be trusted, and what more labels would bring."""

import numpy as np
import pandas as pd

from kindred.learning import learning_curve, metrics
from kindred.report import plots
from kindred.report.blocks import Block, Plot, Section, Table, Text
from kindred.report.confidence_curves import reliability_plot, risk_plot
from kindred.report.ranking_curves import areas_by_class, class_curves, worst_classes
from kindred.report.scored_images import NOT_TESTED, ScoredImages

CALIBRATED = 0.02  # difference between mean confidence and accuracy up to which a model counts as well calibrated


def section(test: ScoredImages, learning: pd.DataFrame, settings: pd.DataFrame) -> Section:
    """From the scored test images, `learning_curve.curve` of the base model, and the classifier's settings that
    cross-validation has tried (`cross_validation.Fitted.grid`, with a column model); both may be empty.
    """
    if not len(test.labels):
        return Section("curves", "Curves", NOT_TESTED, [*_learning(learning), *settings_table(settings)])
    areas = areas_by_class(test)
    blocks: list[Block] = []
    if areas.empty:
        text = "All test images are of one class: there is nothing to rank, so no ROC or precision-recall."
        blocks.append(Text(text))
    else:
        drawn = worst_classes(areas, test.final)
        blocks += [class_curves("roc", test, drawn), class_curves("precision-recall", test, drawn)]
        blocks.append(Table("areas", "Areas under the curves by class.", areas))
    blocks += [reliability_plot(test), risk_plot(test), *_learning(learning), *settings_table(settings)]
    return Section("curves", "Curves", headline(test), blocks)


def headline(test: ScoredImages) -> str:
    """How the final model's confidence compares with its accuracy."""
    probabilities, correct = test.models[test.final], test.correct(test.final)
    confidence = probabilities.max(axis=1)
    gap = confidence.mean() - correct.mean()
    error = metrics.calibration_error(test.labels, probabilities)
    judgement = "well calibrated" if abs(gap) < CALIBRATED else "overconfident" if gap > 0 else "underconfident"
    confident = np.argsort(-confidence, kind="stable")[: max(1, len(correct) // 2)]
    return (
        f"{test.final.capitalize()} is {judgement}: mean confidence {confidence.mean():.1%}, accuracy "
        f"{correct.mean():.1%} (expected calibration error {error:.3f}). Accuracy of the more confident half: "
        f"{correct[confident].mean():.1%}."
    )


def _learning(points: pd.DataFrame) -> list[Block]:
    if points.empty:
        return [
            Text("No learning curve: it is made by cross-validation where the classifier is fitted in one process.")
        ]
    law = learning_curve.extrapolate(points)
    figure, (axes,) = plots.figure(plots.PANEL, 3.4)
    sizes, accuracy = points["labels"], points["accuracy"]
    error = points["error"]
    axes.errorbar(sizes, accuracy, yerr=error, fmt="o", color=plots.OTHER_COLOUR, capsize=3, label="measured")
    if law is not None:
        n = np.geomspace(sizes.min(), sizes.max() * 4, 100)
        axes.plot(n, law.accuracy_at(n), color=plots.OTHER_COLOUR, linestyle="--", label="fitted and extrapolated")
    axes.set(xscale="log", xlabel="given labels learned from", ylabel="out-of-fold accuracy")
    axes.set_xticks(sizes.to_list(), [f"{labels:,.0f}" for labels in sizes])
    axes.minorticks_off()
    plots.legend_inside(axes)
    caption = (
        "Learning curve of base: each fold is scored by models that learned from more and more of the other folds."
    )
    return [
        Plot("learning", caption, [plots.svg(figure)]),
        Text(learning_curve.summary(points, law), strong=True),
        Table("learning", "The learning curve; error is the standard error over folds.", points),
    ]


def settings_table(settings: pd.DataFrame) -> list[Block]:
    """The settings that cross-validation tried, with the scores that were kept of them; nothing where none were."""
    if settings.empty:
        return []
    display = pd.DataFrame({"model": settings["model"], "setting": [f"{value:g}" for value in settings["setting"]]})
    scores = [name for name in ("log_loss", "accuracy") if f"{name}_mean" in settings]
    for name in scores:
        pairs = zip(settings[f"{name}_mean"], settings[f"{name}_std"], strict=True)
        display[name.replace("_", " ")] = [f"{mean:.4f} ± {std:.4f}" for mean, std in pairs]
    display["chosen"] = np.where(settings["chosen"], "✓", "")
    what = "log loss and accuracy" if "accuracy" in scores else "log loss"
    middle = "; the middle one where that is not clearly better" if "accuracy" in scores else ""
    caption = (
        "The classifier's settings (of logistic regression C, the inverse of the penalty) that cross-validation tried: "
        f"out-of-fold {what}, means and standard deviations over folds. Chosen is the one of least log loss{middle}."
    )
    return [Table("settings", caption, settings, display, open=True)]
