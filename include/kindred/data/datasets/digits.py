"""The handwritten digits that come with scikit-learn: 1,797 grey images of 8 x 8, 10 classes. Nothing to download.

Source: E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits (UCI, 1998), by
`sklearn.datasets.load_digits`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from kindred.data import raw_images
from kindred.data.sources import Source
from kindred.runtime.errors import InputError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

LABELS_PER_CLASS = 10  # given where the params name no number: all would leave no unlabelled image
MAX_VALUE = 16  # of a pixel in the source, where white is 0
TASKS = 4  # images that many tasks decode side by side


def check(path: str) -> None:
    if path:
        raise InputError(f"dataset digits comes with scikit-learn and takes no path; got {path!r}")


def sources(path: str, say: Callable[[str], None]) -> list[Source]:
    import sklearn

    check(path)
    return [Source("sklearn:load_digits", 1797, sklearn.__version__)]


def read(spark: SparkSession, sources: Sequence[Source], limit: int | None) -> DataFrame:
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = np.round(digits.images * (255 / MAX_VALUE)).astype(np.uint8)
    rows = [
        ("train", f"digits#{i:04d}", str(label), 8, 8, 1, image.tobytes(), None)
        for i, (image, label) in enumerate(zip(images[:limit], digits.target[:limit], strict=True))
    ]
    return spark.createDataFrame(spark.sparkContext.parallelize(rows, TASKS), raw_images.SCHEMA)
