"""The final model as MLflow serves it: encoded images in, class probabilities out. Needs neither Spark nor TensorFlow.

This file *is* the model (MLflow's models from code), so it imports mlflow. Where the extractor has a graph,
`model.onnx` holds the whole way from decoded pixels to probabilities; else the features are computed here, by the
extractor's function.
"""

import json
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd

from kindred.data import images
from kindred.features import featurize, onnx_graphs
from kindred.learning import networks


class ImageClassifier(mlflow.pyfunc.PythonModel):
    """A DataFrame with a column `image` of encoded files -> a DataFrame with a column of probabilities for
    each class.
    """

    def load_context(self, context) -> None:
        description = json.loads(Path(context.artifacts["description"]).read_text())
        self.classes = description["classes"]
        self.channels = description["channels"]
        self.session = self.extractor = None
        if "model" in context.artifacts:
            self.session = onnx_graphs.session(context.artifacts["model"], threads=0)
        else:
            self.extractor = featurize.Extractor(**description["extractor"])
            self.network = networks.from_bytes(Path(context.artifacts["network"]).read_bytes())

    def predict(self, context, model_input: pd.DataFrame, params=None) -> pd.DataFrame:
        pixels = [images.decode(bytes(content)) for content in model_input["image"]]
        rows = [self._probabilities(image) for image in pixels]
        return pd.DataFrame(rows, columns=self.classes, dtype=np.float64)

    def _probabilities(self, pixels: np.ndarray) -> np.ndarray:
        if self.session is None:
            return self.network.probabilities(self.extractor.features([pixels]))[0]
        pixels = images.fit(pixels, pixels.shape[:2], self.channels)
        return self.session.run(None, {"pixels": pixels[None]})[0][0]


mlflow.models.set_model(ImageClassifier())
