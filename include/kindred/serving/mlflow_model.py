"""The final model as MLflow serves it: encoded images in, class probabilities out. Needs neither Spark nor TensorFlow.

This file *is* the model (MLflow's models from code), so it imports mlflow. Where ONNX Runtime runs the extractor's
graph, and nothing comes before it, `model.onnx` holds the whole way from decoded pixels to probabilities; else the
features are computed here: by the extractor's function, by its graph in OpenVINO, or by local features and its graph.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from kindred.data import images
from kindred.features import featurize, onnx_graphs
from kindred.learning import networks

Predict = Callable[[np.ndarray], np.ndarray]  # pixels of one image, uint8 [h, w, c] -> probabilities [classes]


class ImageClassifier(PythonModel):
    """A DataFrame with a column `image` of encoded files -> a DataFrame with a column of probabilities for each
    class.
    """

    def load_context(self, context: PythonModelContext) -> None:
        """Open the model's files."""
        description = json.loads(Path(context.artifacts["description"]).read_text())
        self.classes: list[str] = description["classes"]
        # with several labels an image: the probability from which on each class is there
        self.thresholds: list[float] | None = description.get("thresholds")
        self.predict_one: Predict
        if "model" in context.artifacts:
            self.predict_one = _by_graph(context.artifacts["model"], description["channels"])
        else:
            network = Path(context.artifacts["network"]).read_bytes()
            self.predict_one = _by_extractor(description["extractor"], network, context.artifacts.get("extractor"))

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """The probabilities of each image. Raises ImageError for a file that is no image."""
        rows = [self.predict_one(images.decode(bytes(content))) for content in model_input["image"]]
        return pd.DataFrame(rows, columns=self.classes, dtype=np.float64)


def _by_graph(path: str, channels: int) -> Predict:
    session = onnx_graphs.session(path, threads=0)

    def predict(pixels: np.ndarray) -> np.ndarray:
        pixels = images.fit(pixels, pixels.shape[:2], channels)
        probabilities: np.ndarray = session.run(None, {"pixels": pixels[None]})[0][0]
        return probabilities

    return predict


def _by_extractor(fields: dict[str, Any], content: bytes, graph: str | None) -> Predict:
    extractor, network = featurize.Extractor(**fields), networks.from_bytes(content)
    session = extractor.session(graph, threads=0, images=1) if graph else None
    return lambda pixels: network.probabilities(extractor.features([pixels], session=session))[0]


mlflow.models.set_model(ImageClassifier())
