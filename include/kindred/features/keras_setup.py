"""Keras on TensorFlow, set up the same way for everything in a process that uses it."""

import os
from typing import Any


def keras(one_thread: bool = True) -> Any:
    """The module `keras`, imported, with TensorFlow on one thread and restricted to deterministic operations.

    On one thread sums are added up in one order, whatever the number of cores; and as many processes as cores train at
    the same time. TensorFlow fixes its number of threads when it first computes, so whoever needs Keras gets it here.
    What trains alone in its process, and for long, takes all cores: without `one_thread` their number stays as it is.
    Raises RuntimeError where other code has let TensorFlow compute on more threads before.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras
    import tensorflow as tf

    threading = tf.config.threading
    numbers = threading.get_intra_op_parallelism_threads(), threading.get_inter_op_parallelism_threads()
    if one_thread and numbers != (1, 1):
        threading.set_intra_op_parallelism_threads(1)
        threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    return keras
