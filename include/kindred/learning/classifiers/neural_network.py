"""A dense network, input-512-256-classes, in Keras: mini-batch Adam, early stopping, sample weights."""

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
    keras = keras_setup.keras()
    keras.utils.set_random_seed(seed)
    mean = features.mean(axis=0, dtype=np.float64)
    scale = float(np.sqrt(features.var(axis=0, dtype=np.float64).mean())) or 1.0
    scaled = ((features - mean) / scale).astype(np.float32)
    dense = [keras.layers.Dense(size, "relu") for size in HIDDEN]
    model = keras.Sequential([keras.Input(scaled.shape[1:]), *dense, keras.layers.Dense(classes)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(LEARNING_RATE), loss=loss)
    order = np.random.default_rng(seed).permutation(len(scaled))
    validation, training = np.split(order, [len(order) // HELD_OUT])
    if len(validation) >= HELD_OUT:
        monitor, validation_data = "val_loss", (scaled[validation], labels[validation], weights[validation])
    else:
        monitor, validation_data, training = "loss", None, order
    stop = keras.callbacks.EarlyStopping(monitor, patience=PATIENCE, min_delta=MIN_DELTA, restore_best_weights=True)
    history = model.fit(
        scaled[training],
        labels[training],
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
