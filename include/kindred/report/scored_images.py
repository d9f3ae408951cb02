"""Test images whose label is known, with what each model predicts for them."""

from dataclasses import dataclass

import numpy as np

NOT_TESTED = "No test image has a known label."


@dataclass(frozen=True)
class ScoredImages:
    """ids [n], labels [n] int, and probabilities [n, classes] by the name of the model; `final` names the model that is
    used.

    >>> test = ScoredImages(["cat", "dog"], np.array(["a"]), np.array([1]), {"base": np.array([[0.7, 0.3]])}, "base")
    >>> test.predictions("base").tolist(), test.correct("base").tolist()
    ([0], [False])
    """

    classes: list[str]
    ids: np.ndarray
    labels: np.ndarray
    models: dict[str, np.ndarray]
    final: str

    def predictions(self, model: str) -> np.ndarray:
        """The likeliest class of each image, int [n]."""
        return self.models[model].argmax(axis=1)

    def correct(self, model: str) -> np.ndarray:
        """Whether the prediction is the label, bool [n]."""
        return self.predictions(model) == self.labels

    def of_class(self, model: str, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Whether each image is of a class [n], and its probability [n]."""
        return self.labels == number, self.models[model][:, number]

    def decisions(self, model: str, images: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The same image by image and class by class, of the first `images` or of all."""
        positive = np.eye(len(self.classes), dtype=bool)[self.labels[:images]]
        return positive.ravel(), self.models[model][:images].ravel()
