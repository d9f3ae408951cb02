"""Multinomial logistic regression with an L2 penalty that cross-validation chooses: scikit-learn's, or MLlib's at
scale.

Features are centred and divided by one number, the root of their mean variance, so that a penalty means the same for
every extractor while directions of little variance stay small.
"""

import warnings
from typing import Any

import numpy as np

from kindred.learning.networks import Layer, Network

TAKES_WEIGHTS = True
SETTINGS = (0.001, 0.005, 0.025, 0.125, 0.6, 3.0)  # C, the inverse of the penalty: accuracy is flat within a factor 5
MAX_ITERATIONS = 300
TOLERANCE = 1e-5  # of the mean loss's gradient
LARGE = 2**24  # feature values: from here on single precision, and a tolerance that is reached in few iterations
TOLERANCE_LARGE = 1e-3
REG_PARAM = 1e-5  # MLlib's penalty, on the mean loss: about C = 1 for 100,000 rows
ABSENT_BIAS = -30.0  # of a class without a row: a probability of almost 0


def fit(
    features: np.ndarray, labels: np.ndarray, weights: np.ndarray, classes: int, seed: int, setting: float
) -> Network:
    """scikit-learn's, with C = `setting`."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    mean = features.mean(axis=0, dtype=np.float64)
    scale = float(np.sqrt(features.var(axis=0, dtype=np.float64).mean())) or 1.0
    large = features.size > LARGE
    scaled = ((features - mean) / scale).astype(np.float32 if large else np.float64)
    model = LogisticRegression(C=setting, max_iter=MAX_ITERATIONS, tol=TOLERANCE_LARGE if large else TOLERANCE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a bound on iterations is a penalty too: it is validated
        model.fit(scaled, labels, weights)
    return _network(model.coef_, model.intercept_, model.classes_, classes).on_unscaled(mean, scale)


def fit_frame(frame: Any, classes: int, seed: int) -> Network:
    """MLlib's."""
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.functions import array_to_vector
    from pyspark.sql import functions as F

    features = array_to_vector(F.col("features")).alias("features")
    vectors = frame.select(features, F.col("label").cast("double"), "weight")
    model = LogisticRegression(
        family="multinomial", regParam=REG_PARAM, maxIter=MAX_ITERATIONS, weightCol="weight", standardization=False
    ).fit(vectors)
    coefficients, intercepts = model.coefficientMatrix.toArray(), model.interceptVector.toArray()
    return _network(coefficients, intercepts, np.arange(len(intercepts)), classes)


def _network(coefficients: np.ndarray, intercepts: np.ndarray, seen: np.ndarray, classes: int) -> Network:
    """The model over all classes; `seen`: those that `coefficients` [seen, d] and `intercepts` [seen] are of."""
    if len(seen) == 2 and len(coefficients) == 1:  # scikit-learn has one row for two classes
        coefficients = np.vstack([-coefficients / 2, coefficients / 2])
        intercepts = np.array([-intercepts[0] / 2, intercepts[0] / 2])
    weights = np.zeros((coefficients.shape[1], classes))
    bias = np.full(classes, ABSENT_BIAS + min(intercepts.min(initial=0), 0))
    weights[:, seen], bias[seen] = coefficients.T, intercepts
    return Network((Layer(weights, bias),))
