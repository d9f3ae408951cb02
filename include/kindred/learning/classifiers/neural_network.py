"""A dense network, input-512-256-classes, in Keras: mini-batch Adam, early stopping, sample weights."""

from dataclasses import replace
from typing import Any

import numpy as np

from kindred.features import keras_setup
from kindred.learning.networks import Layer, Network

TAKES_WEIGHTS = True
HIDDEN = (512, 256)
BATCH_SIZE = 64
LEARNING_RATE = 1e-3
EPOCHS = 100  # a bound: early stopping ends training before it
PATIENCE = 8  # epochs without a loss that is lower by MIN_DELTA
MIN_DELTA = 1e-4
HELD_OUT = 10  # one row in so many is for validation, where that leaves at least this many rows for it


def fit(
    features: np.ndarray, labels: np.ndarray, weights: np.ndarray, classes: int, seed: int, setting: None
) -> Network:
    """Early stopping watches the validation loss, or with too few rows the training loss."""
    loss = keras_setup.keras().losses.SparseCategoricalCrossentropy(from_logits=True)
    return _trained(features, labels, weights, classes, seed, loss)


def fit_label_sets(
    features: np.ndarray, present: np.ndarray, weights: np.ndarray, seed: int, setting: None
) -> list[Network]:
    """p fits of several labels an image: a sigmoid for each class, with a loss over what is known."""
    keras, classes = keras_setup.keras(), present.shape[2]

    def loss(targets: Any, outputs: Any) -> Any:
        """Mean over the classes of an image, of targets [n, 2, classes]: whether each is present, and its weight."""
        losses = keras.ops.binary_crossentropy(targets[:, 0], outputs, from_logits=True)
        return keras.ops.mean(losses * targets[:, 1], axis=1)

    fitted = []
    for own, weight in zip(present, weights, strict=True):
        rows = weight.any(axis=1)
        targets = np.stack([own[rows], weight[rows]], axis=1).astype(np.float32)
        network = _trained(features[rows], targets, np.ones(rows.sum()), classes, seed, loss)
        fitted.append(replace(network, thresholds=(0.5,) * classes))
    return fitted


def _trained(
    features: np.ndarray, targets: np.ndarray, weights: np.ndarray, outputs: int, seed: int, loss: Any
) -> Network:
    keras = keras_setup.keras()
    keras.utils.set_random_seed(seed)
    mean = features.mean(axis=0, dtype=np.float64)
    scale = float(np.sqrt(features.var(axis=0, dtype=np.float64).mean())) or 1.0
    scaled = ((features - mean) / scale).astype(np.float32)
    dense = [keras.layers.Dense(size, "relu") for size in HIDDEN]
    model = keras.Sequential([keras.Input(scaled.shape[1:]), *dense, keras.layers.Dense(outputs)])
    model.compile(optimizer=keras.optimizers.Adam(LEARNING_RATE), loss=loss)
    order = np.random.default_rng(seed).permutation(len(scaled))
    validation, training = np.split(order, [len(order) // HELD_OUT])
    if len(validation) >= HELD_OUT:
        monitor, validation_data = "val_loss", (scaled[validation], targets[validation], weights[validation])
    else:
        monitor, validation_data, training = "loss", None, order
    stop = keras.callbacks.EarlyStopping(monitor, patience=PATIENCE, min_delta=MIN_DELTA, restore_best_weights=True)
    history = model.fit(
        scaled[training],
        targets[training],
        sample_weight=weights[training],
        batch_size=BATCH_SIZE,
        epochs=EPOCHS,
        validation_data=validation_data,
        callbacks=[stop],
        verbose=0,
    )
    arrays = [[array.astype(np.float64) for array in layer.get_weights()] for layer in model.layers]
    names = ["relu"] * len(HIDDEN) + ["linear"]
    layers = tuple(Layer(kernel, bias, name) for (kernel, bias), name in zip(arrays, names, strict=True))
    return Network(layers, history.history).on_unscaled(mean, scale)
