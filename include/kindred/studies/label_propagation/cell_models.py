"""The two models of a cell, trained: logistic regression and the convolutional network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from kindred.learning import cross_validation
from kindred.learning.classifiers import logistic_regression
from kindred.learning.folds import ALL
from kindred.learning.training_plan import Examples
from kindred.runtime import file_names
from kindred.studies.label_propagation import convnet

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class Model(Protocol):
    """`networks.Network` or `convnet.ConvNet`."""

    def probabilities(self, inputs: np.ndarray, /) -> np.ndarray:
        """Class probabilities [n, classes]."""

    def to_bytes(self) -> bytes:
        """The content of the model's file."""


@dataclass(frozen=True)
class Trained:
    """A model, the name of its file, and what the stage keeps of its training: figures, facts and steps by name."""

    model: Model
    file: str
    figures: dict[str, float]
    facts: dict[str, Any] = field(default_factory=dict)
    steps: dict[str, list[tuple[int, float]]] = field(default_factory=dict)


def fit_logistic_regression(
    session: Callable[[], SparkSession],
    examples: Examples,
    ids: np.ndarray,
    classes: int,
    folds: int,
    seed: int,
    say: Callable[[str], None],
) -> Trained:
    """Fitted on all examples, with the penalty that is best over the folds; `ids`: of examples.features."""
    fitted = cross_validation.fit(session, examples, ids, logistic_regression, classes, folds, seed, say)
    figures = {"cv_accuracy": fitted.figures("base")["base/cv/accuracy_mean"]}
    facts = {"folds": fitted.scores(), "setting": fitted.setting}
    return Trained(fitted.networks[ALL], file_names.NETWORK, figures, facts)


def train_network(examples: Examples, classes: int, seed: int, say: Callable[[str], None]) -> Trained:
    """The convolutional network, trained on all examples, whose features are pixels [n, h, w, c] from 0 to 1."""
    rows = examples.training_rows(ALL)
    network = convnet.fit(examples.features_of(rows), examples.labels[rows], classes, seed, say)
    figures = {"epochs": len(network.losses["loss"]), "epoch_seconds": network.epoch_seconds}
    steps = {name: list(enumerate(values, 1)) for name, values in network.losses.items()}
    return Trained(network, file_names.CONVNET, figures, steps=steps)
