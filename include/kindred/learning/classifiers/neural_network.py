"""A dense network, input-512-256-classes, in Keras: mini-batch Adam, early stopping, sample weights."""

import numpy as np

from kindred.features import keras_setup
from kindred.learning.networks import Layer, Network

TAKES_WEIGHTS = True
HIDDEN = (512, 256)
BATCH = 64
EPOCHS = 100
PATIENCE = 8
HELD_OUT = 10  # early stopping watches one row in so many, where that leaves at least this many rows to watch


def fit(
    features: np.ndarray, labels: np.ndarray, weights: np.ndarray, classes: int, seed: int, setting: None
) -> Network:
    keras = keras_setup.keras()
    keras.utils.set_random_seed(seed)
    mean = features.mean(axis=0, dtype=np.float64)
    scale = float(np.sqrt(features.var(axis=0, dtype=np.float64).mean())) or 1.0
    scaled = ((features - mean) / scale).astype(np.float32)
    dense = [keras.layers.Dense(size, "relu") for size in HIDDEN]
    model = keras.Sequential([keras.Input(scaled.shape[1:]), *dense, keras.layers.Dense(classes)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss=loss)
    order = np.random.default_rng(seed).permutation(len(scaled))
    watched = order[: len(order) // HELD_OUT]
    fitted = order[len(watched) :]
    watch, validation = "loss", None
    if len(watched) >= HELD_OUT:
        watch, validation = "val_loss", (scaled[watched], labels[watched], weights[watched])
    else:
        fitted = order
    stop = keras.callbacks.EarlyStopping(watch, patience=PATIENCE, min_delta=1e-4, restore_best_weights=True)
    course = model.fit(
        scaled[fitted],
        labels[fitted],
        sample_weight=weights[fitted],
        batch_size=BATCH,
        epochs=EPOCHS,
        validation_data=validation,
        callbacks=[stop],
        verbose=0,
    )
    arrays = [[array.astype(np.float64) for array in layer.get_weights()] for layer in model.layers]
    names = ["relu"] * len(HIDDEN) + ["linear"]
    layers = tuple(Layer(kernel, bias, name) for (kernel, bias), name in zip(arrays, names, strict=True))
    return Network(layers, course.history).on_unscaled(mean, scale)
