"""Six images in the four idx files of Fashion-MNIST."""

import gzip
import struct
from pathlib import Path

import numpy as np

from pictures import noise


def idx(array: np.ndarray) -> bytes:
    """Values as an idx file."""
    return gzip.compress(struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes())


def make(folder: Path) -> Path:
    folder.mkdir()
    for part, count in (("train", 4), ("t10k", 2)):
        images = np.stack([noise(28, 28, 1, seed)[:, :, 0] for seed in range(count)])
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(idx(images))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(idx(np.arange(count, dtype=np.uint8)))
    return folder
