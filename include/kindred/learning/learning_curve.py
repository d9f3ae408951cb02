"""What more labels would bring: the learning curve of the given labels, and how it would go on.

Source: R. Figueroa et al., Predicting sample size required for classification performance (BMC Medical Informatics and
Decision Making 2012): accuracy follows an inverse power law, ceiling - drop * labels^-rate.
"""

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

HALVINGS = 4  # of what a fold's model may learn from: down to a sixteenth
MOST = 4000  # labels of a fit for the curve: more cost much and change little (the whole is there anyway)
STEP = 0.01  # the gain in accuracy that is asked for
FARTHEST = 100  # times the labels that are there: beyond that the curve says nothing


@dataclass(frozen=True)
class Law:
    """accuracy(labels) = ceiling - drop * labels^-rate."""

    ceiling: float
    drop: float
    rate: float

    def at(self, labels: np.ndarray | float) -> np.ndarray | float:
        return self.ceiling - self.drop * np.asarray(labels, float) ** -self.rate

    def labels_for(self, accuracy: float) -> float | None:
        """How many labels the accuracy takes; None where none are enough."""
        if accuracy >= self.ceiling or self.drop <= 0:
            return None
        return float((self.drop / (self.ceiling - accuracy)) ** (1 / self.rate))


def sizes(learned: int, classes: int) -> list[int]:
    """How many labels the fits of the curve learn from, smallest first, where a fold's model learns from `learned`:
    halves of it, of at least two a class.
    """
    largest = min(learned // 2, MOST)
    return [size for size in (largest >> i for i in range(HALVINGS - 1, -1, -1)) if size >= 2 * classes]


def curve(points: pd.DataFrame) -> pd.DataFrame:
    """A row for each size: labels, accuracy, error (the standard error over folds), from rows of labels, fold,
    accuracy.
    """
    by_size = points.groupby("labels")["accuracy"]
    found = by_size.agg(["mean", "std", "count"]).reset_index()
    error = found["std"] / np.sqrt(found["count"])
    return pd.DataFrame({"labels": found["labels"], "accuracy": found["mean"], "error": error.fillna(0)})


def extrapolate(points: pd.DataFrame) -> Law | None:
    """The law fitted to a curve; None for fewer points than it has numbers, or where no law of the kind fits."""
    from scipy.optimize import OptimizeWarning, curve_fit

    if len(points) < 3:
        return None
    labels, accuracy = points["labels"].to_numpy(float), points["accuracy"].to_numpy(float)
    start = (min(1.0, accuracy.max() + 0.02), max(accuracy.max() - accuracy.min(), 0.01) * labels[0] ** 0.5, 0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OptimizeWarning)  # of the covariance, which is not used
        found, _ = curve_fit(
            lambda n, ceiling, drop, rate: ceiling - drop * n**-rate,
            *(labels, accuracy, start),
            sigma=1 / np.sqrt(labels),  # the more labels, the nearer to where it goes on
            bounds=([0, 0, 0.05], [1, np.inf, 2]),
            max_nfev=5000,
        )
    return Law(*map(float, found))


def says(points: pd.DataFrame, law: Law | None) -> str:
    """How many more labels one point more of accuracy would take, in a sentence."""
    last = points.iloc[-1]
    if law is None:
        return "The learning curve has too few points to go on from."
    needed = law.labels_for(float(law.at(last["labels"])) + STEP)
    if needed is None or needed > FARTHEST * last["labels"]:
        return f"More labels show no gain: at {last['labels']:,.0f} labels the curve has levelled off."
    return (
        f"If the curve goes on as it does, about {_rounded(needed - last['labels'])} more labels would bring one point "
        f"more of accuracy (base, now {last['accuracy']:.1%} out of fold with {last['labels']:,.0f} labels)."
    )


def _rounded(value: float) -> str:
    """Two digits of a number: it is no more exact than that."""
    return f"{float(f'{max(value, 1):.2g}'):,.0f}"
