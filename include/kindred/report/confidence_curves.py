"""Whether each model's confidence can be trusted: reliability, and risk against coverage."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from sklearn.calibration import calibration_curve
from sklearn.metrics import auc

from kindred.evaluation import multi_label_scoring
from kindred.learning import metrics
from kindred.report import plots
from kindred.report.blocks import Plot
from kindred.report.scored_images import ScoredImages
from kindred.report.scored_sets import ScoredSets


def risk_coverage(correct: np.ndarray, confidence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coverage [n], and the share of errors [n] among the images so covered, most confident first.

    >>> coverage, risk = risk_coverage(np.array([True, False]), np.array([0.6, 0.9]))
    >>> coverage.tolist(), risk.tolist()
    ([0.5, 1.0], [1.0, 0.5])
    """
    order = np.argsort(-confidence, kind="stable")
    covered = np.arange(1, len(correct) + 1)
    return covered / len(correct), np.cumsum(~correct[order]) / covered


def reliability_plot(test: ScoredImages) -> Plot:
    """How accurate each model is at each confidence (C. Guo et al., On Calibration of Modern Neural Networks, 2017)."""
    curves = {
        model: Curve(test.correct(model), p.max(axis=1), metrics.calibration_error(test.labels, p))
        for model, p in test.models.items()
    }
    caption = "Reliability: is the accuracy as high as the confidence? Below the dotted line a model is overconfident."
    return _reliability(curves, caption, "confidence", "accuracy", "test images")


def pair_reliability_plot(test: ScoredSets) -> Plot:
    """How often a class is present at each probability of it, of all known pairs of image and class."""
    curves = {}
    for model, probabilities in test.models.items():
        errors = multi_label_scoring.calibration_errors(probabilities, test.labels)
        curves[model] = Curve(*test.decisions(model), float(np.nanmean(errors)))
    caption = (
        "Reliability: are classes as often present as they are probable? All known pairs of image and class; the error "
        "is the mean of the classes' own. Below the dotted line probabilities are too high."
    )
    return _reliability(curves, caption, "probability of a class", "share present", "known pairs")


class Curve(NamedTuple):
    """Of n predictions whether they are right, their probability, and the expected calibration error."""

    right: np.ndarray
    probability: np.ndarray
    error: float


def _reliability(curves: Mapping[str, Curve], caption: str, x_label: str, y_label: str, counted: str) -> Plot:
    """By the name of the model."""
    palette = plots.model_colours(list(curves))
    figure, (above, below) = plots.figure(plots.PANEL, 4.6, rows=2, sharex=True, height_ratios=[3, 1])
    above.plot([0, 1], [0, 1], color=plots.GUIDE_COLOUR, linestyle=":", label="perfectly calibrated")
    bins = np.linspace(0, 1, metrics.CALIBRATION_BINS + 1)
    for model, curve in curves.items():
        confidence = np.minimum(curve.probability, 1)
        shares, means = calibration_curve(curve.right, confidence, n_bins=metrics.CALIBRATION_BINS)
        above.plot(means, shares, "o-", color=palette[model], label=f"{model} (error {curve.error:.3f})")
        below.hist(curve.probability, bins.tolist(), histtype="step", color=palette[model], linewidth=1.5)
    above.set(ylabel=y_label, xlim=(0, 1), ylim=(0, 1.02))
    below.set(xlabel=x_label, ylabel=counted)
    plots.legend_inside(above, fontsize=8)
    return Plot("reliability", caption, [plots.svg(figure)])


def risk_plot(test: ScoredImages) -> Plot:
    """The errors that are left where only the most confident predictions are used."""
    palette = plots.model_colours(list(test.models))
    figure, (axes,) = plots.figure(plots.PANEL, 3.4)
    for model, probabilities in test.models.items():
        coverage, risk = risk_coverage(test.correct(model), probabilities.max(axis=1))
        area = auc(coverage, risk) if len(risk) > 1 else 0
        axes.plot(coverage, risk, color=palette[model], label=f"{model} (area {area:.4f})")
    axes.set(
        xlabel="coverage: share of images used, most confident first",
        ylabel="risk: share of errors among these",
        xlim=(0, 1),
        ylim=(0, None),
    )
    plots.legend_inside(axes, fontsize=8)
    caption = (
        "Risk against coverage: how many errors are left where only the most confident predictions are used; "
        "the lower, the better."
    )
    return Plot("risk-coverage", caption, [plots.svg(figure)])
