"""Test images of which classes are known, each present or absent, with what each model predicts for them."""

from dataclasses import dataclass

import numpy as np

from kindred.learning.multi_label import Labels


@dataclass(frozen=True)
class ScoredSets:
    """ids [n], labels, and by the name of the model probabilities [n, k] and thresholds [k]; `final` names the model
    that is used. What is not known of an image is neither missed nor invented.

    >>> labels = Labels(np.array([[True, True, False]]), np.array([[True, False, True]]))
    >>> models, limits = {"base": np.array([[0.2, 0.7, 0.1]])}, {"base": np.full(3, 0.5)}
    >>> test = ScoredSets(["sea", "sunset", "trees"], np.array(["a"]), labels, models, limits, "base")
    >>> test.missed("base").tolist(), test.invented("base").tolist()
    ([[True, False, False]], [[False, True, False]])
    """

    classes: list[str]
    ids: np.ndarray
    labels: Labels
    models: dict[str, np.ndarray]
    limits: dict[str, np.ndarray]
    final: str

    def chosen(self, model: str) -> np.ndarray:
        """Which classes the model says each image has, bool [n, k]."""
        return np.asarray(self.models[model] >= self.limits[model])

    def missed(self, model: str) -> np.ndarray:
        """Which classes are present and not predicted, bool [n, k]."""
        return np.asarray(self.labels.known & self.labels.present & ~self.chosen(model))

    def invented(self, model: str) -> np.ndarray:
        """Which classes are absent and predicted nevertheless, bool [n, k]."""
        return np.asarray(self.labels.known & ~self.labels.present & self.chosen(model))

    def of_class(self, model: str, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Of the images of which a class is known, whether it is present [m], and its probability [m]."""
        known = self.labels.known[:, number]
        return self.labels.present[known, number], self.models[model][known, number]

    def decisions(self, model: str, images: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The same of all classes, of the first `images` or of all."""
        known = self.labels.known[:images]
        return self.labels.present[:images][known], self.models[model][:images][known]
