"""What more labels would bring: the learning curve of the given labels, and its extrapolation.

Source: R. Figueroa et al., Predicting sample size required for classification performance (BMC Medical Informatics and
Decision Making 2012): accuracy follows an inverse power law, ceiling - drop * labels^-rate.
"""

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

SIZES = 4  # points of the curve, each half of the next: down to a sixteenth of what a fold's model may learn from
MAX_LABELS = 4000  # of one point: more cost much and change little (the fit on all labels is a point anyway)
MIN_POINTS = 3  # the law has three numbers
MAX_EVALUATIONS = 5000  # of the law, while it is fitted
ACCURACY_GAIN = 0.01  # one point of accuracy: the labels for it are estimated
MAX_EXTRAPOLATION = 100  # times the labels that are there: a gain farther away counts as none


@dataclass(frozen=True)
class InversePowerLaw:
    """accuracy(labels) = ceiling - drop * labels^-rate.

    >>> law = InversePowerLaw(ceiling=1.0, drop=1.0, rate=1.0)
    >>> float(law.accuracy_at(50)), law.labels_for(0.75)
    (0.98, 4.0)
    """

    ceiling: float
    drop: float
    rate: float

    def accuracy_at(self, labels: np.ndarray | float) -> np.ndarray:
        return np.asarray(self.ceiling - self.drop * np.asarray(labels, float) ** -self.rate)

    def labels_for(self, accuracy: float) -> float | None:
        """How many labels the accuracy takes; None where no number is enough."""
        if accuracy >= self.ceiling or self.drop <= 0:
            return None
        return float((self.drop / (self.ceiling - accuracy)) ** (1 / self.rate))


def sizes(learned: int, classes: int) -> list[int]:
    """How many labels the fits of the curve learn from, smallest first, where a fold's model learns from `learned`:
    halves of it, of at least two a class.

    >>> sizes(1600, classes=10)
    [100, 200, 400, 800]
    """
    largest = min(learned // 2, MAX_LABELS)
    return [size for size in (largest >> i for i in range(SIZES - 1, -1, -1)) if size >= 2 * classes]


def curve(points: pd.DataFrame) -> pd.DataFrame:
    """A row for each size: labels, accuracy, error (the standard error over folds), from rows of labels, fold,
    accuracy.
    """
    by_size = points.groupby("labels")["accuracy"]
    summary = by_size.agg(["mean", "std", "count"]).reset_index()
    error = summary["std"] / np.sqrt(summary["count"])
    return pd.DataFrame({"labels": summary["labels"], "accuracy": summary["mean"], "error": error.fillna(0)})


def extrapolate(points: pd.DataFrame) -> InversePowerLaw | None:
    """The law fitted to the points of a `curve`; None for fewer than MIN_POINTS, or where the fit does not converge.

    >>> law = extrapolate(pd.DataFrame({"labels": [25, 100, 400], "accuracy": [0.7, 0.8, 0.85]}))
    >>> round(law.ceiling, 3), round(law.drop, 3), round(law.rate, 3)
    (0.9, 1.0, 0.5)
    """
    from scipy.optimize import OptimizeWarning, curve_fit

    if len(points) < MIN_POINTS:
        return None
    labels, accuracy = points["labels"].to_numpy(float), points["accuracy"].to_numpy(float)
    start = (min(1.0, accuracy.max() + 0.02), max(accuracy.max() - accuracy.min(), 0.01) * labels[0] ** 0.5, 0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OptimizeWarning)  # of the covariance, which is not used
        try:
            parameters, _ = curve_fit(
                lambda n, ceiling, drop, rate: ceiling - drop * n**-rate,
                *(labels, accuracy, start),
                sigma=1 / np.sqrt(labels),  # the more labels, the nearer to what is extrapolated
                bounds=([0, 0, 0.05], [1, np.inf, 2]),
                max_nfev=MAX_EVALUATIONS,
            )
        except RuntimeError:  # curve_fit's own, for a fit that did not converge
            return None
    return InversePowerLaw(*map(float, parameters))


def summary(points: pd.DataFrame, law: InversePowerLaw | None) -> str:
    """How many more labels one point more of accuracy would take, in a sentence. `law`: what `extrapolate` gives."""
    last = points.iloc[-1]
    if law is None and len(points) < MIN_POINTS:
        return "The learning curve has too few points to extrapolate."
    if law is None:
        return "The learning curve follows no inverse power law, so it is not extrapolated."
    needed = law.labels_for(float(law.accuracy_at(last["labels"])) + ACCURACY_GAIN)
    if needed is None or needed > MAX_EXTRAPOLATION * last["labels"]:
        return f"More labels show no gain: at {last['labels']:,.0f} labels the curve has levelled off."
    return (
        f"If the curve continues like this, about {_rounded(needed - last['labels'])} more labels would bring one "
        f"point more of accuracy (base, now {last['accuracy']:.1%} out of fold with {last['labels']:,.0f} labels)."
    )


def _rounded(value: float) -> str:
    """Two digits of a number: it is no more exact than that."""
    return f"{float(f'{max(value, 1):.2g}'):,.0f}"
