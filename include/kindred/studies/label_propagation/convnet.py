"""The convolutional network of the study of label propagation, on pixels, in Keras.

Convolutions of 32, 64 and 128 channels (3 x 3), one of 1 x 1, a dense layer of 64; Adam, batches of 32, early stopping
with patience 8 on a tenth. What the study leaves open is chosen here: each 3 x 3 convolution is followed by a 2 x 2 max
pooling while there is something to pool, the 1 x 1 has 64 channels.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kindred.features import keras_setup
from kindred.runtime import file_names
from kindred.runtime.errors import InputError

CHANNELS = (32, 64, 128)
POINTWISE_CHANNELS = 64  # of the 1 x 1 convolution
DENSE_UNITS = 64
BATCH_SIZE = 32
EPOCHS = 200  # a bound: early stopping ends training before it
PATIENCE = 8  # epochs without a lower validation loss
HELD_OUT = 10  # one image in so many is for validation


@dataclass(frozen=True)
class ConvNet:
    """A trained network, with the median seconds of an epoch and the losses after each."""

    model: Any
    epoch_seconds: float = 0.0
    losses: dict[str, list[float]] = field(default_factory=dict)  # loss, val_loss

    def probabilities(self, pixels: np.ndarray) -> np.ndarray:
        """Class probabilities [n, classes], float64, of pixels [n, h, w, c] from 0 to 1."""
        values: np.ndarray = self.model.predict(pixels, batch_size=256, verbose=0).astype(np.float64)
        return np.asarray(values / values.sum(axis=1, keepdims=True))

    def to_bytes(self) -> bytes:
        """As a `.keras` file."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, file_names.CONVNET)
            self.model.save(path)
            return path.read_bytes()


def from_bytes(content: bytes) -> ConvNet:
    """The network that `to_bytes` wrote."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, file_names.CONVNET)
        path.write_bytes(content)
        return ConvNet(keras_setup.keras(one_thread=False).saving.load_model(path, compile=False, safe_mode=True))


def fit(pixels: np.ndarray, labels: np.ndarray, classes: int, seed: int, say: Callable[[str], None]) -> ConvNet:
    """Train on pixels [n, h, w, c] from 0 to 1 and labels [n]; raises InputError where a tenth of them is no image."""
    if len(pixels) < HELD_OUT:
        raise InputError(f"{len(pixels)} images to learn from; the network needs {HELD_OUT}: a tenth is for validation")
    keras = keras_setup.keras(one_thread=False)
    keras.utils.set_random_seed(seed)
    model = _build(keras, pixels.shape[1:], classes)
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    order = np.random.default_rng(seed).permutation(len(pixels))
    validation, training = np.split(order, [len(order) // HELD_OUT])
    seconds, began = [], time.perf_counter()

    def report(epoch: int, logs: dict[str, float]) -> None:
        nonlocal began
        now = time.perf_counter()
        seconds.append(now - began)
        began = now
        say(f"... epoch {epoch + 1}: {seconds[-1]:.1f} s, validation loss {logs['val_loss']:.4f}")

    history = model.fit(
        pixels[training],
        labels[training],
        batch_size=BATCH_SIZE,
        epochs=EPOCHS,
        validation_data=(pixels[validation], labels[validation]),
        callbacks=[
            keras.callbacks.EarlyStopping("val_loss", patience=PATIENCE, restore_best_weights=True),
            keras.callbacks.LambdaCallback(on_epoch_end=report),
        ],
        verbose=0,
    )
    return ConvNet(model, statistics.median(seconds), history.history)


def _build(keras: Any, shape: tuple[int, int, int], classes: int) -> Any:
    layers, side = keras.layers, min(shape[:2])
    stack = [keras.Input(shape)]
    for channels in CHANNELS:
        stack.append(layers.Conv2D(channels, 3, padding="same", activation="relu"))
        if side >= 2:
            stack.append(layers.MaxPooling2D())
            side //= 2
    stack += [layers.Conv2D(POINTWISE_CHANNELS, 1, activation="relu"), layers.Flatten()]
    stack.append(layers.Dense(DENSE_UNITS, "relu"))
    return keras.Sequential([*stack, layers.Dense(classes, "softmax")])
