"""Kindred: from a pile of images and a few labels to a classifier and a search index."""

import importlib
from types import ModuleType

__version__ = "0.1.0"

# A model in MLflow is code that imports Kindred's modules, by the names of its day. Where this package is loaded
# already, the model gets these: each name that a saved model may ask for, and the module that stands for it now.
_NAMES_IN_SAVED_MODELS = {
    "featurize": "kindred.features.featurize",
    "graphs": "kindred.features.onnx_graphs",
    "images": "kindred.data.images",
    "networks": "kindred.learning.networks",
}


def __getattr__(name: str) -> ModuleType:
    if name in _NAMES_IN_SAVED_MODELS:
        return importlib.import_module(_NAMES_IN_SAVED_MODELS[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
