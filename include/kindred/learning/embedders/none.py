"""The features as they are."""

from collections.abc import Callable

import numpy as np

from kindred.learning.networks import Network

LABELLED = False


def fit(features: np.ndarray, classes: np.ndarray | None, seed: int, say: Callable[[str], None]) -> Network:
    return Network(())
