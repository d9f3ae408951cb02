"""How well each model ranks, whether its confidence can be trusted, and what more labels would bring."""

import numpy as np
import pandas as pd
import sklearn
from sklearn import metrics as scores
from sklearn.calibration import calibration_curve

from kindred.learning import learning_curve, metrics
from kindred.report import plots
from kindred.report.blocks import Plot, Scored, Section, Table, Text

DRAWN = 10  # classes with a curve of their own: those that are ranked worst
CALLED = {"roc": "ROC curves", "precision-recall": "Precision-recall curves"}
AXES = {"roc": ("false positive rate", "true positive rate"), "precision-recall": ("recall", "precision")}
LARGEST = 2e6  # decisions (images x classes) behind an averaged curve: with more of them, the first in id order


def section(test: Scored, curve: pd.DataFrame) -> Section:
    """From the scored test images, and `learning.curve` of the base model, which may be empty."""
    areas = by_class(test)
    blocks = []
    if areas.empty:
        blocks.append(
            Text("All test images are of one class: there is nothing to rank, so no ROC or precision-recall.")
        )
    else:
        drawn = worst(areas, test.final)
        blocks += [_ranking("roc", test, drawn), _ranking("precision-recall", test, drawn)]
        blocks.append(Table("areas", "Areas under the curves by class.", areas))
    blocks += [reliability(test), risk(test), *_learning(curve)]
    return Section("curves", "Curves", says(test), blocks)


def says(test: Scored) -> str:
    """What can be said of the final model's confidence."""
    model = test.final
    probabilities, right = test.models[model], test.right(model)
    confidence = probabilities.max(axis=1)
    gap = confidence.mean() - right.mean()
    error = metrics.calibration_error(test.labels, probabilities)
    tends = "about as often right as it says" if abs(gap) < 0.02 else "too sure" if gap > 0 else "not sure enough"
    sure = np.argsort(-confidence, kind="stable")[: max(1, len(right) // 2)]
    return (
        f"{model.capitalize()} is {tends}: its mean confidence is {confidence.mean():.1%}, and {right.mean():.1%} are "
        f"right (expected calibration error {error:.3f}). Of the half that it is surest of, "
        f"{right[sure].mean():.1%} are right."
    )


def by_class(test: Scored) -> pd.DataFrame:
    """For each class that some but not all test images are of: its images, and by model the areas under the ROC and
    (as average precision) the precision-recall curve.
    """
    rows = []
    with sklearn.config_context(
        assume_finite=True, skip_parameter_validation=True
    ):  # with many classes it takes longest
        for i, name in enumerate(test.classes):
            own = test.labels == i
            if own.any() and not own.all():
                row = {"class": name, "images": int(own.sum())}
                for model, probabilities in test.models.items():
                    row[f"ROC AUC {model}"] = scores.roc_auc_score(own, probabilities[:, i])
                    row[f"average precision {model}"] = scores.average_precision_score(own, probabilities[:, i])
                rows.append(row)
    return pd.DataFrame(rows)


def worst(areas: pd.DataFrame, model: str) -> list[str]:
    """The classes of the smallest average precision, at most DRAWN, in their order."""
    lowest = areas.sort_values(f"average precision {model}", kind="stable")["class"].head(DRAWN)
    return [name for name in areas["class"] if name in set(lowest)]


def risk_coverage(right: np.ndarray, confidence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coverage [n] and the share of errors [n] among the images so covered, surest first."""
    order = np.argsort(-confidence, kind="stable")
    covered = np.arange(1, len(right) + 1)
    return covered / len(right), np.cumsum(~right[order]) / covered


def ranking_curve(kind: str, truth: np.ndarray, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The points of a curve of AXES, from which decisions are right [n] and their probabilities [n]."""
    if kind == "roc":
        false, true, _ = scores.roc_curve(truth, probability)
        return false, true
    precision, recall, _ = scores.precision_recall_curve(truth, probability)
    return recall, precision


def _ranking(kind: str, test: Scored, drawn: list[str]) -> Plot:
    colours = plots.colours(test.classes)
    names = AXES[kind]
    figure, axes = plots.figure(1.8 + 4 * len(test.models), 4, columns=len(test.models), sharey=True)
    few = slice(None, max(1, int(LARGEST / len(test.classes))))
    truth = np.eye(len(test.classes), dtype=bool)[test.labels[few]]
    for axis, (model, probabilities) in zip(axes, test.models.items(), strict=True):
        for name in drawn:
            i = test.classes.index(name)
            line = ranking_curve(kind, test.labels == i, probabilities[:, i])
            axis.plot(*line, color=colours[name], linewidth=1, label=plots.name(name))
        line = ranking_curve(kind, truth.ravel(), probabilities[few].ravel())
        axis.plot(*line, color="black", linewidth=2, linestyle="--", label="all decisions")
        axis.set(title=model, xlabel=names[0], ylabel=names[1] if axis is axes[0] else "", xlim=(0, 1), ylim=(0, 1.01))
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center", fontsize=8)
    which = f" The {DRAWN} classes that are ranked worst are drawn." if len(test.classes) > DRAWN else ""
    good = {"roc": "upper left", "precision-recall": "upper right"}[kind]
    caption = (
        f"{CALLED[kind]}, each class against the others, and all decisions together; the {good} corner is perfect."
    )
    return Plot(kind, caption + which, plots.png(figure))


def reliability(test: Scored) -> Plot:
    """How often each model is right where it says so and so much."""
    palette = plots.model_colours(list(test.models))
    figure, (above, below) = plots.figure(5.5, 5.5, rows=2, sharex=True, height_ratios=[3, 1])
    above.plot([0, 1], [0, 1], color="#b0b0b0", linestyle=":", label="as often right as it says")
    bins = np.linspace(0, 1, metrics.CALIBRATION_BINS + 1)
    for model, probabilities in test.models.items():
        confidence = probabilities.max(axis=1)
        shares, means = calibration_curve(test.right(model), np.minimum(confidence, 1), n_bins=metrics.CALIBRATION_BINS)
        error = metrics.calibration_error(test.labels, probabilities)
        above.plot(means, shares, "o-", color=palette[model], label=f"{model} (error {error:.3f})")
        below.hist(confidence, bins, histtype="step", color=palette[model], linewidth=1.5)
    above.set(ylabel="share that is right", xlim=(0, 1), ylim=(0, 1.02))
    below.set(xlabel="confidence", ylabel="test images")
    above.legend()
    return Plot(
        "reliability",
        "Reliability: can the confidence be trusted? Below the dotted line a model is too sure.",
        plots.png(figure),
    )


def risk(test: Scored) -> Plot:
    """The errors that are left where only the surest answers are given."""
    palette = plots.model_colours(list(test.models))
    figure, (axes,) = plots.figure(6, 3.6)
    for model, probabilities in test.models.items():
        coverage, risk = risk_coverage(test.right(model), probabilities.max(axis=1))
        axes.plot(
            coverage,
            risk,
            color=palette[model],
            label=f"{model} (area {scores.auc(coverage, risk) if len(risk) > 1 else 0:.4f})",
        )
    axes.set(
        xlabel="share of the images that is answered, surest first",
        ylabel="share of these that is wrong",
        xlim=(0, 1),
        ylim=(0, None),
    )
    axes.legend()
    return Plot(
        "risk-coverage",
        "Risk against coverage: how many errors are left where only the surest answers are given.",
        plots.png(figure),
    )


def _learning(curve: pd.DataFrame) -> list:
    if curve.empty:
        return [Text("No learning curve: it is made where the classifier is fitted in one process.")]
    law = learning_curve.extrapolate(curve)
    figure, (axes,) = plots.figure(6.5, 3.8)
    axes.errorbar(
        curve["labels"], curve["accuracy"], yerr=curve["error"], fmt="o", color=plots.OTHER, capsize=3, label="measured"
    )
    if law is not None:
        n = np.geomspace(curve["labels"].min(), curve["labels"].max() * 4, 100)
        axes.plot(n, law.accuracy_at(n), color=plots.OTHER, linestyle="--", label="fitted, and continued")
    axes.set(xscale="log", xlabel="given labels learned from", ylabel="out-of-fold accuracy")
    axes.set_xticks(curve["labels"], [f"{labels:,.0f}" for labels in curve["labels"]])
    axes.minorticks_off()
    axes.legend()
    said = "Learning curve of base: each fold is scored by models that learned from more and more of the other folds."
    return [
        Plot("learning", said, plots.png(figure)),
        Text(learning_curve.summary(curve, law), strong=True),
        Table("learning", "The learning curve; error is the standard error over folds.", curve),
    ]
