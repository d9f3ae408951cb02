"""Fashion-MNIST: 60,000 + 10,000 grey images of 28 x 28, 10 classes of clothing, from the four original idx files.

Source: H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST (2017), https://github.com/zalandoresearch/fashion-mnist.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kindred.data.raw_images import Slice, read_slices, slices
from kindred.data.sources import Source, existing_uri, file_source
from kindred.runtime import downloads, runs, storage
from kindred.runtime.errors import InputError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

LABELS_PER_CLASS = 50  # given where the params name no number: all would leave no unlabelled image
URL = "https://fashion-mnist.s3.eu-central-1.amazonaws.com/"  # the publisher's bucket; its website has no https
FILES = {  # with their SHA-256
    "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}
CLASSES = ("T-shirt-top Trouser Pullover Dress Coat Sandal Shirt Sneaker Bag Ankle-boot").split()
MAX_BYTES = 16 + 60_000 * 28 * 28  # of an unpacked file: its largest one
IMAGES_PER_TASK = 5000  # small images: a task takes about a second


def sources(path: str, say: Callable[[str], None]) -> list[Source]:
    if not path:
        cache = runs.cache_folder("downloads", "fashion_mnist")
        files = [downloads.fetch(URL + name, cache / name, sha256, say) for name, sha256 in FILES.items()]
        return [file_source(f"file://{file}") for file in files]
    folder = existing_uri(path)
    return [file_source(storage.join(folder, name)) for name in FILES]


def read(spark: SparkSession, sources: Sequence[Source], limit: int | None) -> DataFrame:
    parts: list[Slice] = []
    for images, labels in (sources[0:2], sources[2:4]):
        count, known = len(_idx(images.uri, 3)), _idx(labels.uri, 1)
        if count != len(known):
            raise InputError(f"{storage.local(labels.uri)} has {len(known):,} labels for {count:,} images")
        if known.max(initial=0) >= len(CLASSES):
            raise InputError(f"{storage.local(labels.uri)} has labels outside 0 to {len(CLASSES) - 1}")
        parts += slices(images.uri, min(count, limit or count), IMAGES_PER_TASK)
    return read_slices(spark, parts, load)


def load(uri: str, start: int, stop: int) -> Iterator[tuple[Any, ...]]:
    """The images of a slice, in a worker."""
    folder, name = uri.rsplit("/", 1)
    images = _idx(uri, 3)
    labels = _idx(storage.join(folder, name.replace("images-idx3", "labels-idx1")), 1)
    split = "train" if name.startswith("train-") else "test"
    height, width = images.shape[1:]
    for i in range(start, stop):
        yield split, f"{split}#{i:05d}", CLASSES[labels[i]], height, width, 1, images[i].tobytes(), None


def _idx(uri: str, dimensions: int) -> np.ndarray:
    """An idx file: two zero bytes, a type (8: uint8), the number of dimensions, the dimensions, the values."""
    fs, inside = storage.filesystem(uri)
    try:
        with fs.open(inside, "rb") as file, gzip.GzipFile(fileobj=file) as unpacked:
            content = unpacked.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise InputError(f"{storage.local(uri)} is not Fashion-MNIST: it unpacks to over {MAX_BYTES:,} bytes")
        if content[:4] != bytes([0, 0, 8, dimensions]):
            raise ValueError(f"it begins with {content[:4].hex(' ')}")
        shape = struct.unpack_from(f">{dimensions}I", content, 4)
        return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)
    except FileNotFoundError:
        raise InputError(f"no such file: {storage.local(uri)}") from None
    except (EOFError, zlib.error, gzip.BadGzipFile, struct.error, ValueError) as error:
        raise InputError(f"{storage.local(uri)} is truncated or not an idx file: {error}") from None
