"""The handwritten digits that come with scikit-learn: 1,797 grey images of 8 x 8, 10 classes. Nothing to download.

Source: E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits (UCI, 1998), by
`sklearn.datasets.load_digits`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from kindred.data.datasets import RAW, Source
from kindred.runtime.errors import InputError


def sources(path: str, say: Callable[[str], None]) -> list[Source]:
    import sklearn

    if path:
        raise InputError(f"dataset digits is embedded and takes no path, not {path!r}")
    return [Source("sklearn:load_digits", 1797, sklearn.__version__)]


def read(spark: Any, sources: list[Source], limit: int | None) -> Any:
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = np.round(digits.images * (255 / 16)).astype(np.uint8)  # 0 to 16 in the source
    rows = [
        ("train", f"digits#{i:04d}", str(label), 8, 8, 1, image.tobytes(), None)
        for i, (image, label) in enumerate(zip(images[:limit], digits.target[:limit], strict=True))
    ]
    return spark.createDataFrame(spark.sparkContext.parallelize(rows, 4), RAW)
