"""MLlib's multilayer perceptron, input-512-256-classes, l-bfgs, 50 iterations: the network of the published study.

It takes no weights: a pseudo-label counts as much as a given one.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from kindred.learning.networks import Layer, Network

TAKES_WEIGHTS = False
HIDDEN = (512, 256)
MAX_ITERATIONS = 50


def fit_frame(frame: Any, classes: int, seed: int) -> Network:
    """With its loss after each iteration."""
    from pyspark.ml.classification import MultilayerPerceptronClassifier
    from pyspark.ml.functions import array_to_vector
    from pyspark.sql import functions as F

    inputs = len(frame.select("features").first()[0])
    sizes = [inputs, *HIDDEN, classes]
    vectors = frame.select(array_to_vector(F.col("features")).alias("features"), F.col("label").cast("double"))
    trainer = MultilayerPerceptronClassifier(layers=sizes, solver="l-bfgs", maxIter=MAX_ITERATIONS, seed=seed)
    model = trainer.fit(vectors)
    return replace(_network(model.weights.toArray(), sizes), losses={"loss": list(model.summary().objectiveHistory)})


def _network(flat: np.ndarray, sizes: list[int]) -> Network:
    """MLlib lays each layer out as its weights, column-major [outputs, inputs], then its bias."""
    layers, start = [], 0
    for i, (inputs, outputs) in enumerate(zip(sizes, sizes[1:], strict=False)):
        weights = flat[start : start + inputs * outputs].reshape(inputs, outputs)
        start += inputs * outputs
        activation = "linear" if i == len(sizes) - 2 else "sigmoid"
        layers.append(Layer(weights, flat[start : start + outputs], activation))
        start += outputs
    return Network(tuple(layers))
