"""Keras and TensorFlow in one process, whoever uses them first."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kindred.features import keras_setup

pytestmark = pytest.mark.tensorflow

EXPORT = 'variants.load("extractor", "mobilenet").graph((32, 32), 3, "random")'
FIT = 'variants.load("classifier", "neural_network").fit(np.eye(4), np.arange(4) % 2, np.ones(4), 2, 0, None)'
TRAIN = "convnet.fit(np.zeros((10, 4, 4, 1), np.float32), np.arange(10) % 2, 2, 0, str)"
PROGRAM = """
import numpy as np
from kindred.runtime import variants
from kindred.studies.label_propagation import convnet
convnet.EPOCHS = variants.load("classifier", "neural_network").EPOCHS = 1
"""


def test_tensorflow_computes_on_one_thread_and_adds_up_in_one_order() -> None:
    import tensorflow as tf

    keras_setup.keras()

    threading = tf.config.threading
    assert threading.get_intra_op_parallelism_threads() == threading.get_inter_op_parallelism_threads() == 1


@pytest.mark.parametrize("steps", [(EXPORT, FIT, TRAIN), (FIT, EXPORT, TRAIN)], ids=["export first", "fit first"])
def test_a_process_may_export_a_network_and_train_others(steps: tuple[str, ...]) -> None:
    include = Path(keras_setup.__file__).parents[2]

    done = subprocess.run(
        [sys.executable, "-c", "\n".join([PROGRAM, *steps])],
        env={**os.environ, "PYTHONPATH": str(include)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
